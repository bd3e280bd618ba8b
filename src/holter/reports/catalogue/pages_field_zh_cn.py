"""Chinese pages of the causes about the main process, limits and results; see ``pages_zh_cn``."""

from __future__ import annotations

PAGES: dict[str, str] = {
    "main-stands-still": """
        主进程停在代码的某一处，不再回来。

        发生了什么：有一个调用不返回：没人释放的锁、没有应答的服务器、被别人锁住的文件，或没有尽头的循环。数据
            进程把队列填满后空闲下来，GPU 降到 0%。多半是自己写的代码（trainer、回调、实验跟踪服务），或它
            调用的库。
        如何判断：隔几秒取一次主进程的调用栈，每次都停在同一个函数、同一行，而且不是在等批次或导出结果。它在
            那里等什么由内核说明；如果它在计算，那就是循环。
        容易混淆：frozen-worker 等数据一侧的原因（主进程在等批次）；gpu-side-stall（有 GPU，停在一步之内的原
            生调用里）；plot-or-extra-hook-hang（画图、跟踪服务）；main-stopped（进程本身被暂停）。
        怎么办：看这里指出的那一行；给每个对服务器和锁的调用加上时限 [ADVICE]；然后结束训练，用 --c 继续
            [CONSENT]。
        来源：数据进程之外的卡死大多如此：MIC-DKFZ/nnUNet issue 2470；pytorch issue 1355、45198；
            tests/tapes/main_stands_still。
        """,
    "workers-stand-still": """
        所有数据进程停在代码的同一处，取不到批次。

        发生了什么：同一行代码拖住了每个数据进程：自己写的变换在等服务器或文件锁，或者是没有尽头的循环。没有进
            程死掉，所以 nnU-Net 会一直等下一个批次。
        如何判断：隔几秒取一次所有数据进程的调用栈，都停在同一个函数，而且不是在传递批次；是什么拖住它们由内
            核说明，或者它们在那里全速计算。
        容易混淆：fork-lock-deadlock（fork 时被占住的锁）；frozen-worker（状态 T）；slow-storage（读取不返
            回）；cpu-starved-augmentation（数据进程在计算，批次照样来）。
        怎么办：看这里指出的那一行；给对服务器和锁的调用加上时限 [ADVICE]；然后结束训练，用 --c 继续
            [CONSENT]。
        来源：tests/tapes/workers_stand_still。
        """,
    "main-stopped": """
        主进程本身被信号暂停。

        发生了什么：有人或有程序发送了 SIGSTOP（调试器、挂起作业的作业系统、脚本），或进程在后台写了终端。在让
            它继续之前它什么也不做，数据进程空闲。
        如何判断：主进程的状态是 T，而数据进程不是。这一条是决定性的。
        容易混淆：被暂停的终端（Ctrl-Z：所有进程一起暂停，不报警）；frozen-worker（被暂停的是数据进程）；
            frozen-cgroup（状态 D，被冻结）。
        怎么办：kill -CONT PID，除非有人是有意暂停它的 [CONSENT]。被人手动暂停的进程，Holter 既不会让它继
            续，也不会结束它。
        来源：signal(7)；tests/tapes/main_stopped。
        """,
    "frozen-cgroup": """
        控制组被冻结，内核不让其中的进程做任何事。

        发生了什么：docker pause、作业系统挂起作业（scontrol suspend），或管理员冻结了这个组。进程既不运行也不
            死，连 SIGKILL 也不行，直到解冻。在 ps 里看起来像卡在磁盘上（状态 D）。
        如何判断：进程的等待通道是冻结器的。这一条是决定性的。
        容易混淆：slow-storage（状态也是 D，但在等存储）；frozen-worker（状态 T）。
        怎么办：解冻该组：docker unpause、scontrol resume，或该组的 freezer 文件 [ADVICE：由冻结它的人来做]。
        来源：内核关于控制组冻结器的文档；tests/tapes/frozen_cgroup。
        """,
    "memory-refused": """
        内存还够，申请却被拒绝。

        发生了什么：malloc 或 mmap 拿不到内存，训练以 MemoryError 或 “can't allocate memory” 结束，而机器和容
            器都还有空闲。内核是按规则拒绝，并非真的不够：严格记账（vm.overcommit_memory=2）、映射太多（vm.max_map_count）；或者
            是用 LD_PRELOAD 加载的、自己设有上限的内存分配器（jemalloc、tcmalloc）。
        如何判断：异常说无法分配内存，没有记录到 OOM，而且当时的空闲内存是申请量的几倍。
        容易混淆：ram-oom-train-worker（内存确实不够）；process-limit（由 ulimit -v 或 -d 造成）。
        怎么办：
            - 查看内核的内存规则和 LD_PRELOAD [SAFE]。
            - 请管理员更改 [ADVICE]，然后用 --c 继续 [CONSENT]。增加内存或减少数据进程都没有用。
        来源：mmap(2)、malloc(3)；kernel.org, overcommit-accounting；tests/tapes/memory_refused。
        """,
    "read-only-data": """
        数据增强写入了以只读方式映射的数据，进程因此崩溃。

        发生了什么：nnU-Net 2.5 及更早版本预处理的数据（.npz）会解包成 .npy，并以只读方式映射。nnU-Net 2.7 和
            2.8 直接用需要的那一部分生成张量，不再复制，而有的变换会就地修改，
            于是写入只读映射：SIGSEGV。每次启动都会发生，多半在第
            一轮之内。需要填充的 patch 会被复制，所以病例较小时看不到这个问题。
        如何判断：看到数据加载器交出了只读内存中的数据，而且有数据进程（没有数据进程时是主进程）以 SIGSEGV 结束。
        容易混淆：worker-killed 和 native-crash（别的崩溃）；faulty-host-hardware（信号各不相同）。
        怎么办：
            - 启用自愈后再启动：Holter 会先复制这些数据，数值不变 [SAFE]。
            - 或用训练所用的 nnU-Net 版本重新预处理 [CONSENT]。减少数据进程或更换 batchgenerators 都没有用。
        来源：docs/upstream.md 第 23 节；tests/tapes/read_only_data。
        """,
    "process-limit": """
        达到了进程的某个上限（ulimit），内核结束了它，或拒绝了它的请求。

        发生了什么：登录 shell、作业系统或容器设置的上限对训练同样有效：CPU 时间（ulimit -t，先 SIGXCPU 后
            SIGKILL）、文件大小（ulimit -f，SIGXFSZ 或 “File too large”，多半是检查点）、地址空间（ulimit
            -v，明明有空闲内存却 “Cannot allocate memory”）。
        如何判断：信号只有这种上限才会发出，或用掉的 CPU 时间正好是上限；或者报错说没有内存，而进程的地址空间
            是受限的。
        容易混淆：external-kill（有人发了 SIGKILL）；ram-oom-train-worker（记到了 OOM）；
            disk-full-or-quota（No space left on device）。
        怎么办：在启动训练的地方调高上限：ulimit -t、-f 或 -v unlimited，或作业系统、容器的相应选项
            [CONSENT]；然后用 --c 继续 [CONSENT]。
        来源：getrlimit(2)、signal(7)；tests/tapes/process_limit。
        """,
    "loss-not-finite": """
        损失是 NaN 或无穷大：训练还在继续，学到的东西却已作废。

        发生了什么：某一步使权重变成 NaN，之后的步骤再也救不回来。nnU-Net 打印 “train_loss nan”，接着再跑一千
            轮。常见原因：图像里有 NaN 或极大的值、学习率太高、自己写的损失或网络里除以零、半精度溢出。
        如何判断：训练损失或验证损失连续两轮不是有限的数。钩子会指出第一步。pseudo Dice 是 NaN 只说明某个类没
            有出现，不算数；GradScaler 跳过的步骤也不算。
        容易混淆：没有。
        怎么办：现在就停，从之前的检查点继续（checkpoint_best.pth 多半就是） [CONSENT]；检查图像里有没有 NaN 和
            无穷大；降低学习率，或用全精度 [CONSENT：那是另一个训练]。
        来源：MIC-DKFZ/nnUNet 上关于 “nan” 损失的 issue；tests/tapes/loss_not_finite。
        """,
    "results-folder-gone": """
        训练还在运行，结果目录却被删除、替换或卸载了。

        发生了什么：训练继续，但日志、图和检查点都没有地方放了：下一个检查点会失败并结束训练，或者文件被写进挂
            载点下面的空目录。
        如何判断：这个目录原来在，现在不在了，或同一路径上是另一个目录。这一条是决定性的。
        容易混淆：disk-full-or-quota（目录在，但写不进去）；slow-storage（没有应答）。
        怎么办：重新挂载，或在同一路径重建目录：下一个检查点就会存进去 [CONSENT]。在存下检查点之前不要结束训
            练：它的网络只在内存里。
        来源：tests/tapes/results_folder_gone。
        """,
    "ended-early": """
        训练在最后一轮之前以退出码 0 结束：看起来完成了，其实没有。

        发生了什么：有东西让进程正常退出：回调里的 sys.exit() 或 os._exit(0)、提前返回的包装程序、结束解释器的
            库。调度系统算作成功，谁也不会去看。
        如何判断：退出码是 0，轮次没有跑完，run_training 没有返回，也没有写最终检查点。四条都要满足：自己写的
            提前停止会写最终检查点，不算故障。
        容易混淆：被要求停止的训练（SIGTERM、Ctrl-C、holter train 的退出码 75）。
        怎么办：在自己的代码里查找 exit() [ADVICE]；用 --c 继续 [CONSENT]。
        来源：tests/tapes/ended_early。
        """,
    "worker-exited": """
        有一个数据进程自行以某个退出码结束，没有异常，也没有信号。

        发生了什么：数据进程里的代码调用了 os._exit() 或 sys.exit()（放弃运行的库、自己写的变换），或在不该返回
            的地方返回了。nnU-Net 只说有后台进程不在了。
        如何判断：训练还需要它时，最先结束的那个数据进程的退出码：没有人让它返回，里面没有看到异常，也没有信号
            结束它。
        容易混淆：worker-exception（有回溯，退出码 1）；worker-killed（有信号）；主进程垂死时的回声。
        怎么办：在自己的变换及其导入的库里查找 exit() [ADVICE]；用 --c 继续 [CONSENT]。
        来源：tests/tapes/worker_exited。
        """,
}
