"""Chinese pages of ``holter explain`` on the machine around the training; the English ones are docstrings."""

from __future__ import annotations

PAGES: dict[str, str] = {
    "affinity-clobbered": """
        数据进程被绑在少数几个核上，而训练本来可以用更多。

        发生了什么：某个被导入的库，或者 OMP_PROC_BIND、GOMP_CPU_AFFINITY、KMP_AFFINITY 这样的变量，把主进程绑在一
            个核上；fork 出来的数据进程继承了它。机器闲着，所有数据进程却挤在一个核上。有人为此找了两个星期，改掉之
            后快了十倍。
        如何判断：数据进程可用的核比训练的进程刚启动时少；它们实际待过的核，每个上面有两个或更多数据进程；同时每一步都
            在等批次。
        容易混淆：few-cores-allocated（调度系统一开始就只给了这些核）；有意给每个数据进程各绑一个核（每个核上只有一
            个）。
        怎么办：
            - 让正在运行的数据进程重新使用所有的核：taskset -a -p，立刻见效 [SAFE]。
            - 取消 OMP_PROC_BIND、GOMP_CPU_AFFINITY 和 KMP_AFFINITY [CONSENT]。
            - 在训练器里，导入之后调用 os.sched_setaffinity [ADVICE]。
            - 增加数据进程没有用。
        来源：pytorch#8126、pytorch#101850、ultralytics#11195、litData#118。
        """,
    "blosc2-io": """
        在这个系统上，blosc2 打不开或写不了预处理文件。

        发生了什么：在 Windows 上，旧版 nnunetv2 用 mmap 打开 .b2nd 会被拒绝（Access is denied）；某些版本组合建不了数
            组（“Error while creating the NDArray”，在 nnunetv2 2.6.4 上有人遇到），或建不了这么大的数组
            （“Could not build empty array”）。
        如何判断：最先出现的异常就是这几句话之一；如果系统是 Windows，或版本正是已知有问题的，就可以确认。
        容易混淆：truncated-preprocessed-file（文件已有，但太短）；disk-full-or-quota（没有空间可写）。
        怎么办：
            - 换用别的 nnunetv2 或 blosc2 版本，然后重新预处理 [CONSENT]。
            - 在 Windows 上升级 nnunetv2（2.8 在 Windows 上不再映射文件）[CONSENT]。
            - 网上流传的把打开方式改成 'r+'，会让一次崩溃就损坏数据，不要用。
        来源：nnUNet#2723、#2771、#2838、#3003；python-blosc2#392。
        """,
    "concurrent-jobs-contention": """
        机器上的其他程序抢走了训练需要的 CPU。

        发生了什么：另一个训练，或别人的任务，和你共用这些核。从它启动的那一刻起，每一轮都变慢，等它结束又恢复：480 秒
            变成 800 秒，500 秒变成 2000 秒。训练自己的进程里看不出任何问题。
        如何判断：训练之外的程序用掉整机四分之一以上的 CPU；主进程和数据进程想用 CPU 的时间里，有五分之一以上排不上（这
            是内核的统计）；同时每一步在等批次，或者变慢了。如果训练自己就把可用的核用满了，或者想用 CPU 时
            总能用上，或者停在代码的某一处不动，就不是别人造成的。
        容易混淆：cpu-starved-augmentation（训练自己用满了 CPU）；cgroup-cpu-quota（有被限流的周期）；
            few-cores-allocated（别人用不到这些核）；gpu-shared-or-zombie（别人占的是 GPU）。
        怎么办：
            - 看看是谁在用 [SAFE]。
            - 数据进程数 = 核数除以训练个数（nnUNet_n_proc_DA）[CONSENT]。
            - 给每个训练固定的核（taskset、cpuset），或者一个接一个地跑 [ADVICE]。
            - 增加数据进程只会让大家都更慢。
        来源：nnUNet#4、#473、#1089、#1842。
        """,
    "data-workers-zero-fix": """
        nnUNet_n_proc_DA=0：每个批次都由主进程自己准备。

        发生了什么：没有数据进程，GPU 计算时就没有人准备下一个批次，两件事只能轮流做，每一步要花几倍的时间。它常被当作
            “数据进程总是死掉”的解药，其实只是把死因藏了起来。
        如何判断：nnUNet_n_proc_DA 是 0，没有数据进程，每一步都在等批次。这两点都不知道时，主线程在等数据进程的队列
            就说明不是它：没有数据进程就没有这个队列。
        容易混淆：cpu-starved-augmentation（有数据进程，而且都很忙）。
        怎么办：
            - 去掉这个设置 [CONSENT：占用更多内存]。
            - 然后查清数据进程是怎么死的：holter run 会记录下来 [SAFE]。
            - nnU-Net 的维护者只在调试时用 0。
        来源：nnUNet#1898、#2749；tests/tapes/data_workers_zero_fix。
        """,
    "epoch-definition": """
        nnU-Net 的一轮是固定的步数，不是把数据集过一遍。

        发生了什么：不管数据集多大，一轮都是 250 步训练加 50 步验证，一共 1000 轮。所以批次加倍，一轮的时间也加倍；减少
            病例并不会让一轮变短。很多人把它当成变慢。
        如何判断：和对照的那次训练相比，批次至少是 1.2 倍，而每个样本的用时不超过 1.1 倍。这两个数只有人，或者把两次训
            练放在一起才说得出来；单独一份记录看不出来。
        容易混淆：真的变慢：每个样本都更慢。
        怎么办：
            - 比每秒样本数，不要比每轮用时 [SAFE]。
            - 想缩短训练，用轮数少的训练器，例如 nnUNetTrainer_250epochs [CONSENT：是另一个训练]。
            - 为了缩短一轮而减小批次，什么也省不下来。
        来源：nnUNet#184、#335、#1778、#2465、#2643。
        """,
    "faulty-host-hardware": """
        这台机器的内存、CPU 或主板有问题。

        发生了什么：进程在不同的轮次、以不同的信号崩溃；文件莫名其妙地损坏；标签没有错却出现 device-side assert；用 --c
            继续，过一阵又来。常见于坏内存、超频的内存，以及老化的 i9-13900K、14900K。
        如何判断：内核日志里有机器检查或内存错误（mce、EDAC、Hardware Error），而且训练有进程自己崩溃过。没有这类消息、
            只是信号各不相同，算是线索，不算证据；只崩溃一次，或每次信号都一样，连线索也不算。
        容易混淆：shm-too-small（只有 SIGBUS，且 /dev/shm 是满的）；某个库的崩溃（信号和位置总是相同：native-crash、
            worker-killed，那时换软件包版本有用）；内存不足（SIGKILL）。
        怎么办：
            - memtest86+ 跑一夜，更新 BIOS 和微码，内存恢复标准频率 [ADVICE：找机器的管理者]。
            - 同样的训练换一台机器跑，作为对照 [SAFE]。
            - 在此期间从检查点继续 [CONSENT]。
        来源：nnUNet#1351、#1419、#1919；openmm#4580；ray#49998。
        """,
    "fold-start-race": """
        几个训练在一份新数据集上同时启动，写了相同的文件。

        发生了什么：每个训练都要生成 splits_final.json，旧格式的数据还要解包每个病例。一个训练读到了另一个写了一半的文
            件：do_split 里的 JSONDecodeError、EOFError、缺少 npy，或 “Error when checking ... fixing”。只发生在启动
            时，而且只在几折或几个进程一起启动时出现。
        如何判断：错误来自划分文件或残缺文件，发生在启动阶段，而且前后五分钟内另有训练用同一份预处理数据启动。或者解包正
            要替换的 .npy 不见了：只有别的进程才会删掉它。
        容易混淆：truncated-preprocessed-file（文件一直是残缺的，也没有别人在启动）；disk-full-or-quota。
        怎么办：
            - 先启动一折，等到 “Epoch 0” 再启动其他折；或全部用 holter train 启动：一折准备数据，其他折等待 [SAFE]。
            - 先删掉残缺的 splits_final.json 或 npy，否则错误还在 [CONSENT]。
        来源：nnUNet#560、#2626、#3064。
        """,
    "huge-volume-cost": """
        图像太大，从中取出一个图像块就要几秒。

        发生了什么：要从几亿体素的病例里取一个图像块：缺页、解压数据块、采样前景体素。GPU 只有 3%，CPU 和磁盘看上去却正
            常；同样的数据，2d 或 lowres 就很快。
        如何判断：病例的中位尺寸达到一亿体素（512 x 512 x 400）；正在工作的数据进程里，至少一半的调用栈停在读病例，而不
            是数据增强；每一步都在等批次。
        容易混淆：slow-storage（数据进程状态是 D，小的读取也慢）；cpu-starved-augmentation（调用栈在数据增强里）。
        怎么办：
            - 改用 Holter 的加载器，只读图像块需要的体素 [CONSENT：随机数不同]。
            - 数据如果还不是 blosc2（.b2nd）格式，重新预处理 [CONSENT]。
            - 更粗的间距，或裁剪到感兴趣区域 [CONSENT：是另一个规划]。
            - 减小批次只会让一轮变短、训练变差。
        来源：nnUNet#1086、#2085、#2792；nnDetection#67。
        """,
    "native-crash": """
        训练的主进程里，原生代码崩溃了。

        发生了什么：某个不是 Python 的库（PyTorch、CUDA 或下面的 C 库）写坏了内存，或做了不允许的事：“free(): corrupted
            unsorted chunks”、“malloc(): invalid size”、“double free”、“Segmentation fault”。进程立刻结束，没有回溯信
            息，也来不及保存检查点。
        如何判断：主进程因 SIGSEGV、SIGABRT、SIGILL 或 SIGFPE 结束，而且之前没有异常。由此看不出是哪个库，
            所以从不算确诊。
        容易混淆：faulty-host-hardware（信号各不相同，内核日志里有机器检查）；worker-killed（崩溃的是数据进程，不是训
            练）；main-exception 和 ddp-collective-timeout（先有报错，然后才中止）。
        怎么办：
            - 换崩溃的软件包的版本：报告 “free(): corrupted unsorted chunks” 的是 nnunetv2 2.5.1，同一处 2.4.2 没有；设
              nnUNet_compile=f；换 PyTorch 版本；然后用 --c 继续 [CONSENT]。
            - python -X faulthandler 会打印崩溃的位置 [SAFE]。
        来源：nnUNet#2523、#2557；tests/tapes/native_crash。
        """,
    "no-exit-after-finish": """
        一切都已完成并写好，进程却不退出。

        发生了什么：最终验证结束之后，数据增强器的某个线程还在等着把批次放进已满的队列，或者某个数据进程没有结束。显存一
            直被占着，作业一直跑到时限。
        如何判断：nnU-Net 说验证完成已经过了四十秒以上，主进程还在，而且没有一个进程在工作；正常只要几秒就会退出。
        容易混淆：export-lost-result-hang（验证没有完成，缺 summary.json）；导出确实很慢（有进程在工作）。
        怎么办：
            - 确认 validation/summary.json 已经在了，然后结束进程：什么都不会丢 [SAFE]。
            - 升级 batchgenerators，新版本会清空队列 [CONSENT]。
        来源：batchgenerators#14、#134；nnUNet#842。
        """,
    "not-stuck-output-hidden": """
        训练在正常进行，只是你看的那个终端或文件没有输出。

        发生了什么：输出到文件或管道时，Python 要攒够 8 KiB 才写出来（大约是 nnU-Net 二十轮的输出）；或者输出进了别的文
            件，或者被调度系统留着。终端停在 “using pin_memory” 或 “Epoch 0” 好几个小时，有人就把好好的训练杀掉了。这
            一点要最先排查：在两个最典型的求助里，训练其实在跑，或者已经跑完。
        如何判断：半分钟内结果文件夹里的训练日志多了六行或更多，终端文件里一行也没有，而训练有进展。由人来说就是：日志在
            更新，终端没有动。
        容易混淆：所有真正的停滞（日志也不动）；not-stuck（某个阶段本来就长时间没有输出）。
        怎么办：
            - 看结果文件夹里的 training_log_*.txt [SAFE]。
            - 下次设置 PYTHONUNBUFFERED=1，或用 python -u [SAFE]。
            - 杀掉训练只会白白丢掉轮次。
        来源：nnUNet#1490、#1619、#1996。
        """,
    "page-cache-cold": """
        前几轮慢，是因为数据要从磁盘读；之后就从内存里读。

        发生了什么：每个病例从存储读一次，之后就留在页缓存里。每轮用时逐渐下降，例如从 550 秒降到 330 秒，然后保持不变。
            没有任何问题。
        如何判断：每轮用时先下降后持平；记录末尾从存储读的量不超过开头的三成。
        容易混淆：slow-storage（一直慢，内存放不下数据）；compile-warmup（只有第一轮更长）。
        怎么办：
            - 什么都不用做 [SAFE]。
            - 内存够大时，训练前把数据读一遍（vmtouch -t，或 cat 到 /dev/null）[SAFE]。
        来源：nnUNet#239、#323。
        """,
    "plot-or-extra-hook-hang": """
        一个训练用不着的步骤把训练挡住了：画网络结构图、画进度图、记录服务。

        发生了什么：第 0 轮之前 nnU-Net 会尝试画网络结构图（hiddenlayer、graphviz），每轮之后画 progress.png；自己写的训
            练器还会连 wandb 或 mlflow。网络结构特殊，或者连不上网时，这一步可能永远不返回。
        如何判断：训练停住了，而主线程的调用栈就在这样的步骤里。
        容易混淆：compile-warmup（主线程在 torch.compile 里）；slow-storage（在往一个没有响应的挂载写）。
        怎么办：
            - 在训练器里覆盖 plot_network_architecture，让它什么都不做 [ADVICE]。
            - 设置 WANDB_MODE=offline [CONSENT]。
            - 从最近的检查点继续 [CONSENT]。
        来源：nnUNet#2470。
        """,
    "remote-fs-error": """
        存放数据或结果的网络或 FUSE 文件系统返回了错误。

        发生了什么：读取不是变慢，而是失败：Stale file handle、Transport endpoint is not connected、Input/output error、
            gcsfuse 的 “ReadFile: operation canceled”。数据进程可能死在任意一轮；重启往往能撑到下一次。
            也可能是写入失败：回溯信息里有保存、写文件或画图的函数，那就是存放结果的文件系统。
        如何判断：最先出现的异常就是这类错误，而且数据在网络或 FUSE 文件系统上，或者内核日志里有记录。存放
            结果的文件系统只能看内核日志。
        容易混淆：slow-storage（读取很慢，但没有报错）；truncated-preprocessed-file（文件本身太短）。如果是本地磁盘报同
            样的错，说明磁盘快坏了。
        怎么办：
            - 读取失败：把 nnUNet_preprocessed 复制到本地磁盘 [SAFE]。
            - 写入失败：让 nnUNet_results 指向另一块磁盘，把文件一起移过去 [CONSENT]。
            - 从最近的检查点继续 [CONSENT]。
            - 向管理员询问这个挂载 [ADVICE]。
        来源：nnUNet#160、#1128；yolov5#2183。
        """,
    "spawn-respawn-each-epoch": """
        每一轮都要重新启动数据进程。

        发生了什么：每一轮新建的加载器（没有设 persistent_workers 的 Lightning、MONAI、PyTorch，或自己写的训练器）会在轮
            末结束数据进程。在 Windows 和 macOS 上，进程是 spawn 出来的，每个都要重新导入所有的库：四秒一轮的训练，每轮
            前面要等十秒。
        如何判断：第一轮之后，十轮里至少有八轮重新启动了数据进程；而且一轮里有一成以上的时间花在第一步之前。
        容易混淆：原版 nnU-Net 从头到尾用同一批数据进程；Holter 更换过的不算；轮末的验证或保存检查点（没有新进程）。
        怎么办：
            - 在 DataLoader 里设 persistent_workers=True [CONSENT]。
            - 整个训练只建一次加载器，不要每轮都建 [ADVICE]。
            - 把一轮设长一些 [CONSENT]。
        来源：Lightning#10389、#18862；pytorch#22133。
        """,
    "thread-oversubscription": """
        每个数据进程都开了一池线程，加起来远多于 CPU 核数。

        发生了什么：OpenMP、MKL、OpenBLAS 或 OpenCV 在每个数据进程里都按核数开线程：核数乘以进程数。线程互相抢 CPU，数据
            进程越多越慢，系统时间也高。
        如何判断：每个数据进程有八个以上的线程（原版只有三四个），其中两个或更多同时在跑；可用的核全被用满；每一步都在等
            批次。
        容易混淆：cpu-starved-augmentation 和 few-cores-allocated（每个数据进程只有一个忙的线程）；
            concurrent-jobs-contention（CPU 是被别人占的）。
        怎么办：
            - 设 OMP_NUM_THREADS=1，以及 MKL_NUM_THREADS=1、OPENBLAS_NUM_THREADS=1 [CONSENT：求和的末位可能不同]。
            - 自己写的训练器：在数据进程里调用 cv2.setNumThreads(0) 和 torch.set_num_threads(1) [ADVICE]。
            - 增加数据进程只会更糟。
        来源：nnUNet#1154、#1022；oneTBB#190。
        """,
    "wsl2-limits": """
        WSL2 的限制：只有一半内存、Windows 盘要经过 9p、锁页内存很少。

        发生了什么：不做设置时，WSL2 只用机器一半的内存；/mnt/c 下的文件要经过 9p 服务，小的读取会慢很多倍；锁页内存有
            限，所以显存明明还有，pin_memory 却报 “CUDA out of memory”。
        如何判断：内核是 WSL 的；并且数据在 Windows 盘上、每一步都在等批次，或者申请锁页内存失败，或者有进程因内存不足被
            杀。
        容易混淆：WSL 之外的 slow-storage 和 ram-oom-train-worker；gpu-oom-cpu-fallback（显存真的满了）。
        怎么办：
            - 把 nnUNet_preprocessed 移到 Linux 文件系统里（例如 ~/nnUNet_preprocessed）[SAFE]。
            - 在 .wslconfig 里设置 memory= 和 swap=，然后 wsl --shutdown [ADVICE]。
            - 减少数据进程 [CONSENT]。
        来源：nnUNet#2085；microsoft/WSL#6163、#8447。
        """,
}
