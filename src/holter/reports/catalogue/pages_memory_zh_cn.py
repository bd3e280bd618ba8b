"""The pages of the causes about memory, locks and open files in Simplified Chinese."""

from __future__ import annotations

PAGES: dict[str, str] = {
    "ram-oom-train-worker": """
        训练时机器或作业的内存用尽：内核结束了一个进程，或者不再给它内存。

        发生了什么：图像大、通道多或数据进程多，内存或者容器、Slurm 作业的内存上限被用满，内核用 SIGKILL 杀掉一个数据
            进程或主进程。nnU-Net 只会打印 “one or more background workers are no longer alive”，上面什么都没有；有时
            终端只留下一个 “Killed”。也可能没有进程被杀：申请不到内存，抛出 MemoryError（“Unable to allocate”）。
        如何判断：内核或 cgroup 为我们的进程记下了一次 OOM 杀（一次就够，它不计别的），或者异常说明内存分配失败；而且都
            不在最终验证阶段。此前用量已达上限的 90%，或内存一直在涨，也是佐证。
        容易混淆：worker-killed（SIGKILL，但没有记到 OOM）；shm-too-small（SIGBUS）；原生代码崩溃（SIGSEGV、SIGABRT）；
            export-ram-oom（同样的事发生在最终验证）；external-kill（有人结束了主进程，没有记到 OOM）。
        怎么办：
            - 用 --c 继续 [CONSENT]。
            - 减少数据进程（nnUNet_n_proc_DA）[CONSENT：数据准备会变慢]。
            - 给作业更多内存（--mem），或关掉别的程序 [ADVICE]。
            - 不要把 nnUNet_n_proc_DA 设成 0：那只是掩盖问题，训练会慢好几倍。增加交换空间则会把“死”变成
              “反复换页”（swap-thrash）。
        来源：nnUNet#2708、#2656、#976、#1732；batchgenerators#111；pai#5799。
        """,
    "export-ram-oom": """
        最终验证或预测需要的内存超过了可用的内存，一个导出进程被结束。

        发生了什么：每个导出进程一次处理一个病例，把网络输出重采样回原始大小：类别数 × 体素数 × 4 字节，再乘以大约 2。
            大 CT 加上很多类别要几十 GB，而且几个病例同时导出。训练本身从来没有内存问题。
        如何判断：最终验证阶段记到了 OOM 杀，或导出进程内存分配失败；或者出现导出的那句话（“Some background workers
            are no longer alive”）或预测的那句话（“Background workers died”），而且之前没有别的报错。只有这句话时绝不
            算确诊。没有任何迹象表明在导出时，只凭记到的 OOM 杀最多算有可能。
        容易混淆：ram-oom-train-worker（同样的事发生在训练中）；export-lost-result-hang（导出进程因别的原因死去，没有
            记到 OOM）；一个大病例本来就要导出很久（not-stuck）。
        怎么办：
            - 网络已经训练好，什么也没丢：用 nnUNetv2_train ... --val 重跑，并减少导出进程（nnUNet_def_n_proc；预测
              时用 -npp 1 -nps 1）[CONSENT]。
            - 去掉 --npz [CONSENT]。
            - 更多内存，或只为这一步增加交换空间 [ADVICE]。
        来源：nnUNet#1758、#2182、#1568、#2151、#1698、#2243、#2912；TotalSegmentator#240、#417、#547。
        """,
    "nested-threadpoolctl-fork-crash": """
        batchgenerators 0.25.1 在 fork 前后都限制线程池，在某些机器上数据进程会崩溃或卡死。

        发生了什么：0.25.1 两次进入 threadpool_limits：fork 之前在主进程里一次，之后在每个数据进程里又一次。在某些节点
            上（EPYC 加 A100，Python 3.11、3.12），数据进程里的原生代码会崩溃，或者永远停在 set_num_threads 里。内存
            和共享内存都没问题，也没有回溯信息。
        如何判断：batchgenerators 正好是 0.25.1（0.25.5 已不再这样做），而且数据进程死于原生崩溃（SIGSEGV、SIGABRT、
            SIGILL），或在 threadpoolctl 里等锁。两者都有才是决定性的；只有版本时是“可能”，加上有进程死去是“很可能”。
        容易混淆：ram-oom-train-worker（记到了 OOM，信号是 SIGKILL）；shm-too-small（SIGBUS）；fork-lock-deadlock
            （任何版本都可能，锁在别的库里）；threadpoolctl-version（有回溯信息）。
        怎么办：
            - 升级 batchgenerators [CONSENT]。
            - 在那之前不用 fork 启动数据进程（HOLTER_START_METHOD=forkserver）[CONSENT]，然后用 --c 继续。
            - 减少数据进程只会让它发生得少一些。
        来源：batchgenerators#138、#136、#133；nnUNet#2910、#2749、#1343。
        """,
    "threadpoolctl-version": """
        旧版 threadpoolctl 读不出 BLAS 库的版本，每个数据进程一启动就结束。

        发生了什么：threadpoolctl 2.x 向 OpenBLAS 询问版本，而较新的库不回答。每个数据进程在产出第一个批次之前就抛出
            AttributeError。常见于 Windows 和 macOS 上的 conda base 环境。
        如何判断：异常是 “'NoneType' object has no attribute 'split'”，回溯信息里有 threadpoolctl（决定性的），并且
            threadpoolctl 早于 3.1。
        容易混淆：nested-threadpoolctl-fork-crash（完全没有回溯信息）；worker-exception（其他任何报错）。
        怎么办：
            - pip install --upgrade threadpoolctl [CONSENT]，然后重新开始；没有任何损失。
            - 减少数据进程、换 Python、换数据集都没有用。
        来源：nnUNet#1437、#1505、#2166、#2447、#1406；threadpoolctl#131。
        """,
    "secondary-worker-message": """
        只看到余波，先前有东西死了，而这句话没有说是什么。

        发生了什么：“One or more background workers are no longer alive” 是发现者打印的。真正的报错在它上面，或在另一
            个窗口、另一个文件里；如果进程是被信号结束的，就根本没有报错。同一句话对应十几种病因。
        如何判断：出现了这句话，而最先的异常和退出信号都不知道。只要知道其中之一，它就不再是病因；所以它永远不会被确诊。
        容易混淆：main-exception（主进程先出错，数据进程随后被收尾）；worker-exception；worker-killed、
            ram-oom-train-worker、shm-too-small（死于信号，这句话上面什么都没有）。
        怎么办：
            - 往上找最先出现的回溯信息，从它的第一行看起 [SAFE]。
            - 如果没有，就找被杀的记录：dmesg -T | grep -iE "killed process|segfault" [SAFE]。
            - 用 holter run 再跑一次，它会记录每个进程是怎么结束的 [SAFE]。
            - 原因还不清楚时换着设置重启，什么也证明不了。
        来源：nnUNet#2203、#2457、#1999、#2115、#2659、#1406。
        """,
    "preprocess-worker-killed": """
        nnUNetv2_plan_and_preprocess 的一个进程被杀，多半是因为内存不够。

        发生了什么：每个进程同时持有一个完整病例的好几份拷贝（重采样、归一化）。内存用尽时内核杀掉一个，nnU-Net 打印
            “Some background worker is 6 feet under. Yuck.”。blosc2 文件写失败也会这样。第一版 nnU-Net 则会一直空等。
        如何判断：出现这句话（很可能）；再加上记到 OOM 杀，或有进程内存分配失败，就是确诊。
        容易混淆：disk-full-or-quota（异常说明写不了文件）；ram-oom-train-worker（那句话说的是数据进程）。
        怎么办：
            - 减少进程（-np 2）[CONSENT：更慢]。
            - 只预处理要训练的配置（-c 3d_fullres）[CONSENT]。
            - 更多内存 [ADVICE]。
            - 重新预处理会覆盖旧文件，写了一半的文件会重新生成。
        来源：nnUNet#713、#1512、#2094、#2729、#245。
        """,
    "windows-spawn-commit": """
        Windows 无法再承诺更多内存：每个数据进程都要重新导入一切，而页面文件太小。

        发生了什么：Windows 上的数据进程是全新启动的。每个都要加载 torch 和 CUDA 的库，并因此预留 2 到 3 GB 的“提交内
            存”，用不用都算。上限是内存加页面文件，与空闲内存无关：内存还剩很多也会失败。句柄也会这样用尽。
        如何判断：异常里写着：WinError 1455（页面文件太小）、8（存储不足）或 6（句柄无效）；Windows 上的 MemoryError
            多半也是这个意思，但也可能是真的内存不够。再加上系统确为 Windows，就是决定性的。
        容易混淆：ram-oom-train-worker（Linux，记到了 OOM）；显存不足（报错里提到 CUDA）。
        怎么办：
            - 减少数据进程（nnUNet_n_proc_DA=2）[CONSENT：数据准备会变慢]。
            - 加大页面文件：由系统管理，或在 SSD 上设为 32 GB 以上 [ADVICE]。
            - 改用 WSL2 或 Linux，那里数据进程与主进程共享页面 [ADVICE]。
        来源：nnUNet#1761、#1652、#1523、#119；Pytorch_fine_tuning_Tutorial#10。
        """,
    "cudnn-2d-host-leak": """
        旧版 cuDNN 在 2d 配置里泄漏内存，直到训练被杀。

        发生了什么：用 cuDNN 7.6 时，2d 配置每训练一轮，主进程就变大一些，验证时尤其明显。4 到 400 轮之后内核把它杀
            掉，只留下一个 “Killed”。同一台机器上 3d_fullres 却一切正常。
        如何判断：cuDNN 早于 8.0.2（或 PyTorch 早于 1.7，它自带旧版 cuDNN），配置是 2d，而且一直在涨的是主进程的内存，
            不是数据进程的。三者齐全才算确诊。
        容易混淆：copy-on-read-growth（涨的是数据进程）；malloc-arena-retention（任何 cuDNN 下主进程都会涨）；
            ram-oom-train-worker（同样的结局，不管是什么引起的）。
        怎么办：
            - 升级 PyTorch，它会带来较新的 cuDNN [CONSENT]。
            - 在那之前，每次死后用 --c 继续 [CONSENT]。
            - 增加内存只能多撑一会儿。
        来源：nnUNet#904、#469、#187、#316。
        """,
    "fork-lock-deadlock": """
        数据进程在 fork 时有锁正被占用，从此永远等它释放。

        发生了什么：fork 只复制一个线程，却复制所有的锁。如果主进程里另一个线程此刻正占着一把锁（OpenMP 或 BLAS 的线程、
            cv2、logging、threadpoolctl），子进程里就再也没有人会释放它。训练停在第一个批次；显存占着，GPU 和 CPU 都
            是 0%。单进程时却能跑。
        如何判断：数据进程的主线程停在 futex 上，4 秒内一次也没有醒来（正常的至少每 20 毫秒醒一次）；它的调用栈停在某个
            库的代码里，而不是在传递批次；而且没有备好的批次。三者都是决定性的。
        容易混淆：frozen-worker（状态 T）；slow-storage（状态 D，或正在读文件）；正常的数据进程在等队列的空位（一直在
            醒来，批次也备好了）；nested-threadpoolctl-fork-crash（锁属于 threadpoolctl，batchgenerators 是 0.25.1）。
        怎么办：
            - 不用 fork 启动数据进程：HOLTER_START_METHOD=forkserver，并设 OMP_NUM_THREADS=1 [CONSENT]；然后用 --c
              继续 [CONSENT]。
            - 先 import numpy 再 import torch；自己写的变换里调用 cv2.setNumThreads(0) [ADVICE]。
            - nnUNet_n_proc_DA=0 也能避开，但每轮要慢好几倍。
        来源：nnUNet#145、#696；batchgenerators#50；pytorch#45198、#1355、#1838。
        """,
    "fd-exhaustion": """
        有进程连一个文件也不能再打开了：打开文件数达到上限。

        发生了什么：PyTorch 用打开的描述符传递张量，队列里的每个批次都占着几个。上限低的时候（很多 shell 是 1024）就会
            用完：“Too many open files”，或者接收不到描述符时的 “received 0 items of ancdata”。往往过了很多轮才发生。
        如何判断：异常里写着；再加上有进程用掉了上限的 80% 以上，就是确诊。
        容易混淆：shm-too-small（满的是共享内存本身）；disk-full-or-quota（没有 inode 了，报错不同）；因此死去的数据进程
            引起的余波。
        怎么办：
            - 启动前执行 ulimit -n 65535（Slurm 同理；Docker 用 --ulimit nofile=65535）[SAFE：结果不变]。
            - /dev/shm 有空间时用 --sharing file_system [CONSENT]。
            - 减少数据进程 [CONSENT]，然后用 --c 继续。
        来源：pytorch#973；ahcore#96；MaskTextSpotterV3#51；nnUNet#1732、#130。
        """,
    "unpack-slow-or-oom": """
        预处理好的病例还在解包，或者解包的进程被杀了。

        发生了什么：较早的版本在第一轮之前把每个 .npz 解成 .npy，同时解好几个。日志停在 “unpacking dataset...”。在慢的
            存储上要几个小时，需要放得下整个数据集的空间，每个进程还要装下整个病例：内存用尽时内核杀掉一个，其余的就
            一直等。
        如何判断：当时处于解包阶段。记到 OOM 杀或 MemoryError 就是被杀了，不管其他进程之后报什么错；有进程在工作，或卡
            在读写里，就只是慢。
        容易混淆：slow-storage（同样的现象，但在训练中）；停在第一个批次（日志里已有 “unpacking done...”）。
        怎么办：
            - 如果 nnUNet_preprocessed 里还不断有新文件，就等着 [SAFE]。
            - 减少进程（nnUNet_def_n_proc）或增加内存 [CONSENT]。
            - 用 nnU-Net 2.6 或更新的版本重新预处理，它的 blosc2 文件不需要解包 [CONSENT]。
            - 被杀之后要删掉写了一半的 .npy：太短的文件以后会出错。
        来源：nnUNet#2708、#2481、#1448。
        """,
    "swap-thrash": """
        用到的内存比实有的多一点点，页面不停地换出又换回。

        发生了什么：谁也没有死，但都在等：某个数据进程要用的页面刚被写到磁盘上。机器开得越久，每轮越慢；数据集不大，磁盘
            却很忙。往往是别的程序或页缓存把训练挤了出去。
        如何判断：每秒有 4 MB 以上从交换空间读回，而且所有进程合起来有 10% 的时间在等内存（PSI memory full）。两者都是
            决定性的。只是用了交换空间、却没有读回，谁也不受影响。
        容易混淆：slow-storage（读的是数据，没有换页）；copy-on-read-growth（内存在涨，还没有换页）；
            cgroup-page-cache-pressure（重读的是文件的页面，不是从交换空间来的）。
        怎么办：
            - 关掉别的程序，或给作业更多内存 [ADVICE]。
            - 减少数据进程和缓存的批次（nnUNet_n_proc_DA）[CONSENT]。
            - vm.swappiness=1 [ADVICE：管理员]。
            - 不要增加交换空间：那只是把“死”变成现在这样。
        来源：nnUNet#1515、#912；MONAI#3116。
        """,
    "copy-on-read-growth": """
        数据进程只要读取 Python 对象，就会把共享页面变成自己的页面：内存一轮一轮地涨。

        发生了什么：fork 之后，主进程和数据进程共享所有页面。读一个 Python 对象会改写它的引用计数，于是页面被复制。数据
            集若用列表或字典保存，最后每个数据进程都有一份。各自的 RSS 看上去没变，机器的内存却满了，几小时后内核杀掉
            其中一个。
        如何判断：数据进程独占的页面每小时增长 50 MB 以上，同时共享的页面减少了至少一半那么多：这些页面本来就在，只是换
            了主人。两者都是决定性的。
        容易混淆：数据进程里的泄漏（独占页面在涨，共享页面不变）；malloc-arena-retention（涨的是主进程）；
            ram-oom-train-worker（它的结局）。
        怎么办：
            - 大表用 numpy 数组或 torch 张量保存，不要用列表 [CONSENT：仅限自己写的训练器]。
            - 减少数据进程，复制的份数就少 [CONSENT]。
            - 内存用尽之前用 --c 重启 [CONSENT]。
        来源：pytorch#5902、#20433、#19355、#2052；MONAI#5930、#3116；referit3d#5。
        """,
    "malloc-arena-retention": """
        C 库把已释放的内存留在自己的 arena 里：并没有泄漏，进程却越来越大。

        发生了什么：glibc 给许多线程各开一个 arena，每个 64 MB 或更多，只有末尾的内存才会归还。大小不一的缓冲区会留下空
            洞：主进程的 RSS 像棘轮一样上升，直到一个平台，或直到内核的上限。Python 自己的堆其实很小。
        如何判断：主进程的增长有一半以上位于这些 arena，而且 arena 有 8 个或更多。这只能算“很可能”：从外面看，经 malloc
            的泄漏是同一个样子。malloc_trim(0) 能归还多少（五分之一以上）才能定论。
        容易混淆：cudnn-2d-host-leak（旧版 cuDNN 加 2d）；copy-on-read-growth（涨的是数据进程）；自己代码里的泄漏。
        怎么办：
            - 在训练的环境里设 MALLOC_ARENA_MAX=2 [SAFE：结果不变]，或用 LD_PRELOAD 换成 jemalloc [CONSENT]。
            - 用 --c 继续 [CONSENT]。
        来源：SpecForge#491；omi#6938；xiaomi-miloco#459；hypha#976。
        """,
    "cgroup-page-cache-pressure": """
        作业的内存上限没有给页缓存留下空间：同样的数据一遍遍从磁盘重读。

        发生了什么：cgroup 把它读过的文件的缓存也算作自己的内存。上限若小于进程加数据集，内核就会丢掉马上又要用的页面。
            同一块磁盘，裸机上很快，在 Slurm 或 Kubernetes 作业里却很慢。有时进程很小，最后却以 OOM 杀告终。
        如何判断：上限已用 95%，其中缓存占 15% 以上，而且每秒至少有 1000 个丢掉的页面（4 MB）被重读（该组的 workingset
            refault）。三者都是决定性的。
        容易混淆：slow-storage（磁盘对谁都慢，没有重读）；swap-thrash（是进程的页面，从交换空间来）；
            ram-oom-train-worker（填满上限的是进程自己）。
        怎么办：
            - 申请更多内存（--mem），要放得下进程和这一折的数据集 [ADVICE]。
            - 减少数据进程，给缓存多留空间 [CONSENT]。
            - 换成本地 SSD，重读就不贵了 [SAFE]。
        来源：pai#5799；htcondor#2575；deeplake#2987。
        """,
    "kernel-time-reclaim": """
        占着 CPU 的是内核：它在找空闲内存，或找连成一片的内存。

        发生了什么：内存被缓存占满，或者碎成小块。于是每次分配都要内核去搜索、搬动页面，时间算在申请者头上。CPU 很忙，但
            忙在内核态（htop 里的红色），每轮越来越慢。核多又没有交换空间的机器最明显。
        如何判断：忙碌的 CPU 时间里内核占 40% 以上，而且各进程每秒要扫描 1000 个以上的页面来腾空间，或每秒要等 10 次内存
            整理。两者都是决定性的：只有内核时间高，也可能是 I/O、缺页或沙箱。
        容易混淆：cpu-starved-augmentation（是用户态时间）；swap-thrash（页面去了交换空间）；cgroup-page-cache-pressure
            （满的是组的上限，不是整机）。
        怎么办：
            - 腾出内存：减少数据进程、关掉别的程序、缓存更小的数据集 [CONSENT]。
            - 透明大页设为 madvise，调高 vm.min_free_kbytes [ADVICE：管理员]。
        来源：MONAI#3116、#1589。
        """,
}
