"""The pages of ``holter explain`` in Simplified Chinese; the English page is the docstring of the cause."""

from __future__ import annotations

from holter.reports.catalogue import machine_pages_zh_cn, pages_field_zh_cn, pages_graphics_zh_cn, pages_memory_zh_cn

PAGES: dict[str, str] = {
    **pages_graphics_zh_cn.PAGES,
    "frozen-worker": """
        一个数据进程被冻结，整个训练都在等它。

        发生了什么：某个数据进程收到了暂停信号（SIGSTOP、终端里的 Ctrl-Z、调试器），或被调度系统挂起。它
            还活着，所以 nnU-Net 不会报错。主进程的结果循环线程正好要从它那里取张量的文件句柄，于是停在
            那里等；其余数据进程的批次都已备好，却送不出去。GPU 和 CPU 同时归零，而且会一直这样下去。
        如何判断：主线程在等批次；结果循环线程停在与某个数据进程的张量交接上；这个进程的状态是 T（已暂
            停），CPU 时间不再增加；其余数据进程空闲。如果全部数据进程都被暂停，现象相同。
        容易混淆：slow-storage（进程状态是 D，不是 T）；worker-killed（进程已经不在了，训练会报错退
            出）；gpu-side-stall（批次队列是满的，主线程在等 GPU，而不是等数据）。
        怎么办：
            - 让进程继续：kill -CONT PID。通常两秒之内训练自行恢复，结果不受影响 [SAFE]。
            - 查清是谁暂停了它，否则还会再发生 [ADVICE]。
            - 新的训练可以用 holter train --sharing file_system：一个数据进程冻住就不会拖住其他进程 [CONSENT]。
            - 如果进程已无法恢复，就停止训练，用 --c 从最近的检查点继续 [CONSENT：丢失检查点之后的轮
              次]。
        来源：实测：六个数据进程里随机暂停一个，12 次中有 10 次整个流水线停住，最后一次进展在冻结后 0.25
            秒以内。
        """,
    "worker-killed": """
        一个数据进程被信号终止：被杀死，或在原生代码中崩溃。

        发生了什么：数据进程被信号结束：可能是调度系统、管理员，或原生代码自己崩溃。nnU-Net 只会打印
            “One or more background workers are no longer alive”，上面什么都没有，因为 batchgenerators 不记录退出信号。
        如何判断：记录到了进程的结束信号（9、7、11 等），此前没有任何 Python 异常；而且 cgroup 和内核的
            oom_kill 计数没有增加。
        容易混淆：ram-oom-train-worker、export-ram-oom（oom_kill 计数增加了：是内存不足）；
            nested-threadpoolctl-fork-crash（batchgenerators 0.25.1 的原生崩溃）；
            shm-too-small（/dev/shm 写满时的 SIGBUS）；worker-exception（数据进程自己抛了异常，
            上面有回溯信息）；主进程先出错，数据进程随后被它收尾（信号 15，是余波）；
            export-lost-result-hang（死的是最终验证时的导出进程，训练不报错，
            而是一直空等）。
        怎么办：
            - 查清是谁发的信号 [ADVICE]。
            - 信号是 11、6、4（原生代码崩溃）时，升级相关的库，或不用 fork 启动数据进程
              （HOLTER_START_METHOD=forkserver）[CONSENT]。
            - 然后用 --c 从最近的检查点继续 [CONSENT]。
        来源：batchgenerators 的存活检查，以及 nnU-Net 问题区里最常见的一类求助（例如 #2708）。
        """,
    "worker-exception": """
        一个数据进程因 Python 报错而结束。

        发生了什么：数据进程在读取或增强某个病例时抛出异常，打印 “Exception in background worker N:”
            和回溯信息后退出；主进程随后才打印那句“后台进程已不在”。人们往往只看到、只转述最后这一句。
        如何判断：异常发生在数据进程里，而且早于其他一切错误；退出码是 1，不是信号；没有 oom_kill。如果
            当时手里有病例，就能知道是哪一个。
        容易混淆：truncated-preprocessed-file（异常说的正是文件太短）；主进程先出错
            （torch.compile、CUDA、损失函数），数据进程的消息只是余波；worker-killed（没有回溯信息）。
        怎么办：
            - 从最先出现的回溯信息入手，而不是从那句关于后台进程的提示入手 [ADVICE]。
            - 如果总是同一个病例出错，检查这个病例；用单进程重现最快 [ADVICE]。
            - 修好后用 --c 继续 [CONSENT]。
        来源：batchgenerators 0.25.5 的 producer() 与 results_loop()。
        """,
    "cpu-starved-augmentation": """
        CPU 准备批次的速度赶不上 GPU。

        发生了什么：所有数据进程都满负荷运行，仍然供不上。GPU 利用率在 0 和 100% 之间来回跳，每一步都先
            等数据再计算。通道多的三维数据配上快的 GPU 时最明显。
        如何判断：每步时间有一半以上花在等数据上；批次队列长期为空；数据进程都处于运行状态，把可用的核用
            满；几乎没有存储等待；没有 CPU 配额限流；核数也没有少于应有的数量。
        容易混淆：slow-storage（数据进程在等 I/O，CPU 反而空闲）；few-cores-allocated（核很多，但训练分
            到的很少）；cgroup-cpu-quota（限流周期数在增长）；别的程序占用了 CPU。
        怎么办：
            - 给训练更多 CPU 核；nnU-Net 维护者的经验是每个输入通道配 2 到 3 个核 [ADVICE]。
            - 数据进程数设为可用核数 [CONSENT：占用更多内存]。
            - 换用增强更轻的训练器 [CONSENT：会改变训练结果]。
        来源：nnUNet#3063：A100、8 个数据进程，302 毫秒一步里有 173 毫秒在等数据；把增强搬到 GPU 后是
            145 毫秒。
        """,
    "few-cores-allocated": """
        训练能用的 CPU 核远少于它启动的数据进程数。

        发生了什么：调度系统或 cpuset 只给了少数几个核（Slurm 默认一个），而 nnU-Net 按整机核数启动最多
            12 个训练数据进程，外加一半的验证数据进程。它们挤在这几个核上，每个只能跑一小会儿。
        如何判断：CPU 亲和性（Cpus_allowed）或 cpuset 允许的核数明显少于数据进程数，也少于整机核数；这些
            核全被用满；数据进程都是可运行状态，但各自只用到一个核的一小部分。
        容易混淆：cgroup-cpu-quota（亲和性看上去是整机，限制在配额里）；cpu-starved-augmentation（核都给
            了，只是不够）。
        怎么办：
            - 向调度系统申请更多的核：--cpus-per-task（srun -c）[ADVICE]。
            - 把 nnUNet_n_proc_DA 设为实际分到的核数 [CONSENT]。
        来源：nnUNet#696：500 秒一轮，对比本地的 150 秒。nnU-Net 的默认进程数来自 os.cpu_count()，它不看
            亲和性和配额。
        """,
    "cgroup-cpu-quota": """
        容器或作业的 CPU 配额拖慢了训练。

        发生了什么：docker --cpus、Kubernetes 的 limits 等设置了 CFS 配额。程序看到的仍是整机的核，于是
            照整机启动数据进程；每个调度周期（通常 100 毫秒）的额度很快用完，余下的时间整组进程都被停
            住。
        如何判断：cpu.max（v1 为 cpu.cfs_quota_us）给出的 CPU 数远小于可见核数；cpu.stat 里的
            nr_throttled 与 throttled_usec 持续增长，被限流的周期占很大比例。
        容易混淆：few-cores-allocated（限制在亲和性或 cpuset 里，没有限
            流）；cpu-starved-augmentation（没有配额）。
        怎么办：
            - 提高配额，或去掉配额、改为绑定整核（cpuset）[ADVICE]。
            - 数据进程数不要超过配额的整数部分 [CONSENT]。
        来源：内核的 cgroup 统计；多个项目里由报告者证实（例如限流周期占 95%）。
        """,
    "slow-storage": """
        存放数据或结果的磁盘、网络存储太慢，或者不再响应。

        发生了什么：预处理数据在机械硬盘、NFS、SMB、Lustre 上，或者磁盘正被别人占满。数据进程大部分时间
            停在读取里，CPU 空闲，GPU 偶尔忙一下。每轮时间很长，而且忽长忽短。存放结果的挂载点
            失联时，停住的是主进程自己：它处于 D 状态，连杀都杀不掉。
        如何判断：数据进程处于 D 状态，停在读取预处理文件的系统调用里；I/O 压力（PSI）高；一次小的未缓存
            读取要几十毫秒以上；CPU 没有用满。如果只看到每步在等批次、CPU 空着一半、一次小的读取要 20 毫秒
            以上，就算很可能，绝不算确诊。
        容易混淆：cpu-starved-augmentation（CPU 满、没有 I/O 等待）；刚开始训练时页缓存还是冷的（前几轮
            之后自行变快）；挂载点彻底失联（读取一直不返回）；swap-thrash 和 cgroup-page-cache-pressure
            （内存不够：页面来自交换空间，或作业的上限没有给缓存留空间）。
        怎么办：
            - 把预处理数据复制到本地 SSD，并让 nnUNet_preprocessed 指向那里；Slurm 上可放到
              $SLURM_TMPDIR [CONSENT：占用本地磁盘]。
            - 留足内存，让整个数据集留在页缓存里 [ADVICE]。
            - 机械硬盘上减少数据进程，少一些随机读 [CONSENT]。
        来源：nnDetection#67：163 例时没有 I/O 等待，一轮 30 分钟；534 例时 I/O 等待 18% 到 36%，一轮 6
            小时。
        """,
    "gpu-side-stall": """
        批次已经备好，训练在等 GPU。

        发生了什么：批次队列是满的，主线程却停在一次 GPU 调用里迟迟不返回（或者每步都慢得多）。问题在
            GPU 一侧：驱动、降频、掉卡、虚拟 GPU 的限制，或者 GPU 被别人占用。
        如何判断：批次队列满；主线程的调用栈停在 CUDA 调用里；数据进程都在等队列腾出位置；GPU 的频率、功
            耗、错误计数给出进一步的线索。只凭利用率什么也证明不了：卡死时它也可能显示 100%。
        容易混淆：vgpu-unlicensed（同样的现象，但能看到许可状态）；首次编译（torch.compile 的第一步本来
            就慢）；frozen-worker（队列是空的）。
        怎么办：
            - 查看 nvidia-smi -q 里的频率、功耗、降频原因和 ECC 错误 [ADVICE]。
            - 在内核日志里找 NVRM Xid [ADVICE]。
            - 看看 GPU 上还有没有别的进程 [ADVICE]。
        来源：“谁在等谁”这一条就能把几乎所有相似现象分开；虚拟机里很多 GPU 读数是 N/A，读不到不等于正
            常。
        """,
    "vgpu-unlicensed": """
        虚拟 GPU 没有许可，驱动把它的速度压到几乎为零。

        发生了什么：没有许可的 NVIDIA vGPU 先全速运行约 20 分钟，随后被驱动逐级限速，最后连 CUDA 都不能
            用（“all CUDA-capable devices are busy or unavailable”）。训练前几轮正常，然后 GPU 和 CPU 同时降到接
            近 0%，没有任何报错。重启虚拟机能再换来约 20 分钟。
        如何判断：nvidia-smi -q 显示 Virtualization Mode 为 VGPU，而 License Status 不是 Licensed；GPU
            名称形如 “GRID T4-8Q”；批次队列是满的，主线程在等 GPU；变慢的时刻以分钟计总是差不多，以轮
            数计却每次不同。
        容易混淆：frozen-worker 和 slow-storage（那时是主线程在等数据）；过热降频（虚拟机里读不到温度和
            功耗，不能据此排除）；GPU 直通（也会显示许可字段，但不受限制）；gpu-shared-or-zombie（别人独占了
            GPU，CUDA 也会拒绝）。
        怎么办：
            - 请管理员配好许可：客户端令牌放在 /etc/nvidia/ClientConfigToken，nvidia-gridd 正常运行，系
              统时间准确 [ADVICE]。
            - 改用 GPU 直通或物理机 [ADVICE]。
        来源：NVIDIA 虚拟 GPU 的许可文档与驱动里的状态名称。nnUNet#2041 的现象与此吻合，但当时没有人查过
            许可状态。
        """,
    "export-lost-result-hang": """
        一个导出进程死了，训练却会一直等它的结果。

        发生了什么：最终验证时，预测结果交给一组导出进程写盘。其中一个被杀（多半是内存不足），进程池悄悄
            补上一个新的，但它手里的那个结果永远不会回来。主进程停在 result.get() 里，没有超时，也不再检
            查进程是否存活。GPU 0%，CPU 0%，日志停在最后一个 “predicting …”，summary.json 没有生成。
        如何判断：处于最终验证阶段；主线程停在 pool.get 里；有导出进程比进程池年轻（它是后补的），或者记
            录到了导出进程被信号结束；应有的验证结果文件缺了几个。
        容易混淆：export-ram-oom（是内核因内存不足杀了它）；仍在导出大病例（导出进程的 CPU 时间在增加，只
            需等待）；slow-storage（导出进程卡在写盘，状态 D）。
        怎么办：
            - 停止这次运行，减少导出进程（nnUNet_def_n_proc）后用 --val 只重做验证 [CONSENT]。
            - 不需要概率图时去掉 --npz，内存占用会少很多 [CONSENT]。
            - 给作业更多内存或交换空间 [ADVICE]。
        来源：nnunetv2 2.8.1 的代码；用 15 行 Python 即可重现：杀掉一个子进程后，它的结果再也没有回来，
            而进程池已补了新人。
        """,
    "truncated-preprocessed-file": """
        nnUNet_preprocessed 里有一个文件不完整：病例无法解码，或者 plans、dataset.json、划分文件没有写完。

        发生了什么：nnUNet_preprocessed 里有一个 .npy 或 .b2nd 文件没有写完整，多半是预处理或解包时磁盘
            写满、配额用尽或被中断。训练随机抽到这个病例时，数据进程报 “mmap length is greater than
            file size” 或 EOFError 后退出。出错的轮次每次不同，重启后又能跑一阵。plans、dataset.json 和
            splits_final.json 在启动时读取，所以每次启动都会失败。
        如何判断：文件长度小于文件头声明的长度（或 .b2nd 打不开、读不出最后一块）；异常里正是这个文件或
            这个病例。或者 nnU-Net 读取自己的 JSON 文件时报 JSONDecodeError。
        容易混淆：worker-exception（文件完整，是别的错误）；fold-start-race（当时另有训练在写划分文件）；
            内存或 CPU 硬件故障（每次坏的文件都不一样）。
        怎么办：
            - 先查剩余空间和配额 [ADVICE]。
            - 删除残缺的 .npy（保留 .npz），让 nnU-Net 重新解包；.b2nd 则需重新预处理 [CONSENT：删除文
              件]。
            - 不要把读取模式改成 “r+” 来绕过：它只会掩盖写坏的文件 [ADVICE]。
        来源：nnUNet#2388 里维护者的说明，以及 #291、#2581 等得到证实的报告。
        """,
    "not-stuck": """
        训练在正常进行，只是没有输出。

        发生了什么：终端停在 “using pin_memory” 或 “Epoch 0” 不动，看上去像卡住了。其实训练在跑：输
            出被缓冲、写进了别的文件，或者这个阶段（解包、首次编译、保存检查点、最终验证）本来就安静。
        如何判断：结果文件夹里的 training_log_*.txt 在更新；或者步数在增加；或者主进程和数据进程的 CPU
            时间、GPU 功耗都与正常训练相符。
        容易混淆：真正的停滞（没有进展，也没有任何活动）；非常慢的一步
            （cpu-starved-augmentation、slow-storage）。
        怎么办：
            - 看结果文件夹里的日志，不要只看终端 [ADVICE]。
            - 设置 PYTHONUNBUFFERED=1，让输出立即可见 [SAFE]。
        来源：nnUNet#1619 和 #1490：两个最典型的“卡在第 0 轮”，训练其实在运行，或者已经结束。
        """,
    "external-kill": """
        训练被一个外来的信号终止。

        发生了什么：主进程收到 SIGKILL、SIGTERM 或 SIGHUP：调度系统的时限到了、终端被关掉、systemd-oomd 出手，或者
            同事结束了它。日志停在一轮中间；数据进程可能变成孤儿留在机器上。
        如何判断：主进程的结束信号；此前没有异常；也没有记录到因内存不足而杀进程。
        容易混淆：内存不足被杀（内核或 cgroup 的计数会增加，见 ram-oom-train-worker）；main-exception（有回溯信息）；
            native-crash（SIGSEGV、SIGABRT：主进程自己崩溃）。
        怎么办：
            - 用 --c 从最近的检查点继续 [CONSENT]。
            - 到了时限：申请更长的作业时间（--time）[ADVICE]。
            - 关掉终端（它发的是 SIGHUP，从不发 SIGKILL）：用 tmux、nohup 或 systemd-run 运行 [ADVICE]。
            - 其他情况：向调度系统申请更长的时间或更多的内存 [ADVICE]。
        来源：nnU-Net 问题区中的多个报告（例如 #1096：GPU 利用率低的作业被清理）。
        """,
    "main-exception": """
        训练的主进程抛出异常而结束。

        发生了什么：主进程里的错误（CUDA、torch.compile、损失函数）结束了训练。数据进程是它的守护子进程，会
            随之被结束，随后那句关于后台进程的提示只是余波。
        如何判断：最先出现的异常出自主进程，而且不是余波。异常的文字能说明是什么失败时（检查点读不出来、锁页内存、GPU 不
            存在、文件夹没有设置），会直接指出来。
        容易混淆：worker-exception（最先出现的异常出自数据进程）；disk-full-or-quota、shm-too-small 和
            gpu-shared-or-zombie（异常说的是没有空间，属于特例）；ram-oom-train-worker、fd-exhaustion 和
            windows-spawn-commit（异常说的是内存或描述符用尽，也是特例）；gpu-out-of-memory（批次放不进锁页内存时报同
            样的话，但并不是网络太大）。
        怎么办：
            - 看最先出现的回溯信息，而不是最后一段；修好它指出的问题，再用 --c 继续 [ADVICE]。
            - 检查点读不出来就不要从它继续：把它移开，nnU-Net 会改用下一个（checkpoint_best.pth）；Holter 还留着
              checkpoint_latest.previous.pth [CONSENT]。
            - “Weights only load failed”：文件可能是完好的，只是 nnunetv2 比 PyTorch 旧：换更新的 nnunetv2，或 2.6 之
              前的 PyTorch [CONSENT]。
        来源：nnUNet#2203、#2457 等得到证实的报告；tests/tapes/main_exception。
        """,
    "disk-full-or-quota": """
        结果写不进去了，因为磁盘满了、inode 或配额用完了，或者是只读的。

        发生了什么：检查点、日志或损失曲线图写不进去。原版 nnU-Net 在下一次写入时就会结束，还会留下写了一半的文件。在
            Holter 照管下，训练继续，旧的检查点还在；但如果在有空间之前结束，这段时间的训练就白做了。
        如何判断：有一次写入报 “No space left on device”（ENOSPC）、“Disk quota exceeded”（EDQUOT）或 “Read-only
            file system”（EROFS），这是决定性的。剩余空间、inode 和是否只读挂载说明是哪一种；个人配额在这些数字里看不
            出来。torch 和 numpy 只说写进去的比给的少（“unexpected pos”、“requested and 0 written”）：在看过磁盘之前，
            只能算很可能。
        容易混淆：shm-too-small（同样的话，说的是 /dev/shm）；truncated-preprocessed-file（磁盘写满后留下的残缺文
            件）；main-exception（没有提到磁盘）。
        怎么办：
            - 腾出空间或申请更多空间；训练会自行继续，如果已经结束，等放得下一个检查点时会重新启动 [SAFE]。
            - 变成只读的文件系统是出过错的：请管理员查看 [ADVICE]。
            - 之后再找一找残缺的文件 [ADVICE]。
        来源：nnUNet#441、#548、#1768、#2331。
        """,
    "shm-too-small": """
        共享内存（/dev/shm）放不下数据进程交出的批次。

        发生了什么：数据进程把张量放进 /dev/shm。写满时，内核用 SIGBUS 结束写入者，或者 torch 报 “unable to write to
            file </torch_...>”。Docker 默认只给容器 64 MB，所以多半发生在第 0 轮，而且只在容器里发生。
        如何判断：/dev/shm 写满时有数据进程被 SIGBUS 终止，或者异常说共享内存里 “No space left on device”（ENOSPC），
            这是决定性的。异常只是提到共享内存时，还要看它的大小。按补丁大小、批大小和队列长度算出的需要量，与
            /dev/shm 的大小相比较。
        容易混淆：worker-killed（SIGKILL，或还有空间时的 SIGBUS：被截断的映射文件）；disk-full-or-quota（同样的话，说
            的是磁盘上的路径）；fd-exhaustion（共享内存打不开：“Too many open files”）。
        怎么办：
            - 加大 /dev/shm：--ipc=host 或 --shm-size=16g；Kubernetes 用 medium: Memory 的 emptyDir [ADVICE]。
            - 减少数据进程，同时存在的批次就少 [CONSENT]。
            - 然后用 --c 继续 [CONSENT]。
        来源：nnUNet#1343、#1898、#2331；RepPoints#18；simplerecon#3。
        """,
    "gpu-thermal-or-power": """
        GPU 自己降低了频率：太热，或者供电不足。

        发生了什么：负载开始几分钟后，或者机房、风扇、电源有变化时，每步变慢，而且一直慢；CPU 和数据都在等 GPU。停一会
            儿再跑又会快一阵。
        如何判断：驱动在大多数读数里给出降频原因（过热、供电制动、硬件降频），频率明显低于最高值，而 GPU 正忙。满载时
            只有软件功耗上限（sw-power-cap）是正常的；频率几乎被压掉一半时才算。vGPU 里读不到这些：未知，不等于正常。
        容易混淆：gpu-shared-or-zombie（频率正常，有别人在计算）；vgpu-unlicensed（虚拟机里完全停住）；数据一侧的各种
            问题（那时 GPU 在等，频率低是因为空闲）。
        怎么办：
            - 请管理员检查散热、灰尘、风扇、电源和功耗上限 [ADVICE]。
            - 在那之前只是慢，结果没有问题。
        来源：tensorflow#40042；yolov5#8736；perses#613。
        """,
    "gpu-shared-or-zombie": """
        有别人在用我们的 GPU，或者显存被一个已经不在的进程占着。

        发生了什么：从某一刻起每步慢了很多，频率和利用率却都是满的，因为另一个进程在同一块 GPU 上计算；或者训练以 “CUDA
            out of memory” 结束，而它单独运行时是放得下的。独占模式下，第二个进程什么也得不到，报 “all CUDA-capable
            devices are busy or unavailable”。
        如何判断：在本次训练所用的 GPU 上，NVML 列出了不属于它的计算进程，而且批次已备好时每步变慢；或者显存用完，而
            其中一大块由别人、或由没有列出的进程占着；PyTorch 的 “CUDA out of memory” 那句话里也会写明。其他容器里的进
            程可能不会列出：未知，不等于独占。
        容易混淆：gpu-thermal-or-power（频率很低）；gpu-side-stall（完全不动）；批次或网络本身太大（没有别人在，却报
            “CUDA out of memory”：gpu-out-of-memory）；vgpu-unlicensed（最后一级的报错是同样的话）。
        怎么办：
            - 问清是谁、谁可以用这块 GPU；独占模式（nvidia-smi -c EXCLUSIVE_PROCESS）[ADVICE：管理员]。
            - 结束自己留下的进程 [CONSENT]。
            - 拿回 GPU 后训练会继续。
        来源：nnUNet#316、#469、#1343、#2814。
        """,
    **machine_pages_zh_cn.PAGES,
    **pages_memory_zh_cn.PAGES,
    **pages_field_zh_cn.PAGES,
}
