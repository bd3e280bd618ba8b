"""Pages of ``holter explain`` in Simplified Chinese about GPUs, compilation and several GPUs."""

from __future__ import annotations

PAGES: dict[str, str] = {
    "batch-size-cliff": """
        在这个批量或图块大小下，GPU 落到了慢得多的算法上。

        发生了什么：批量或图块只稍微加大一点，每轮用时就成倍增加，而 GPU 一直满负荷、满功耗。例如 H100 上批量从 2
            改成 3，每轮从几百秒变成 4000 秒。
        如何判断：只能靠比较：同样的数据，每个样本的用时达到较小批量时的 1.5 倍以上。单看一次运行判断不出来，
            正常吃满 GPU 的训练看上去一样。
        容易混淆：vram-spill-to-host（Windows、WSL，功耗低）；gpu-slow-kernels-software（任何批量都慢）；
            gpu-thermal-or-power（频率低）。
        怎么办：
            - 改回计划里的批量，或换一个批量；通道数取 8 的倍数；换 cuDNN 版本 [CONSENT：训练随之改变]。
            - 原帖里没有最终结论。
        来源：nnUNet#2361。
        """,
    "compile-toolchain-broken": """
        torch.compile 编译不了：缺少编译要用的东西。

        发生了什么：在 Linux + CUDA 上，nnU-Net 默认会编译网络，需要 C 编译器、Python 头文件和 triton。缺了其中
            一样，第一步（或 --c 之后的第一步）就会以 BackendCompilerFailed 或 InductorError 结束，随后那句
            关于后台进程的提示只是余波。
        如何判断：最先出现的异常来自编译器，而且文字里说明了缺什么：没有编译器；gcc 低于 5（“C99 mode”）；没有
            Python.h；没有 triton；链接不到 libcuda；缓存目录写不进去；Windows。只有异常、没有这些文字时，
            只能说“很可能”，因为也有编译不了的网络；日志里只有编译器自己的话、没有异常时也一样。
        容易混淆：gpu-out-of-memory（编译时试跑内核也可能爆显存，报错会写明）；compile-warmup（第一轮慢，会自行结束）。
        怎么办：
            - 设 nnUNet_compile=f：稍慢，结果只差舍入，马上能用；之后再装 gcc 和 python3-dev，或同一版本配套的
              PyTorch 与 triton [CONSENT]。
            - 换 nnU-Net 版本、减少数据进程都没有用。
        来源：nnUNet#2457、#2203、#2306、#2115、#2576、#2398、#2769；triton#3708；tests/tapes/compile_toolchain_broken。
        """,
    "compile-warmup": """
        网络正在编译，所以第一轮慢；没有出问题。

        发生了什么：在第一个训练步和第一个验证步，torch.compile 要翻译整个网络。GPU 空闲，一个或多个 CPU 核忙上几分
            钟，日志没有输出。之后每轮恢复正常用时。
        如何判断：心跳显示处于编译阶段，或者只有第一轮特别长；同时训练进程下面有编译进程（inductor 的工作进程、
            gcc、ptxas）在工作。
        容易混淆：页缓存还是冷的（一轮比一轮快）；cudnn.benchmark（只要几秒）；compile-toolchain-broken（以异常结
            束）；真正的停顿（没有进程在工作）。
        怎么办：
            - 等。把 TORCHINDUCTOR_CACHE_DIR 指向不会被清掉的目录，下次启动就快 [SAFE]。
            - 调试时设 nnUNet_compile=f [CONSENT：每轮变慢]。
            - 中途杀掉只会从头再编译一次。
        来源：pytorch#97783；nnUNet#323；ChatTTS#713。
        """,
    "container-lost-gpu": """
        容器失去了打开 GPU 的权限。

        发生了什么：宿主机上执行了 systemctl daemon-reload（一次系统更新就会触发），容器的设备规则被重写，NVIDIA
            运行时加进去的规则丢了。正在跑的训练不受影响；在同一个容器里再启动就会失败：“Failed to initialize
            NVML: Unknown Error”或“No CUDA GPUs are available”。
        如何判断：训练在容器里；异常说找不到 GPU；/dev/nvidiactl 还在，却不允许打开。
        容易混淆：容器启动时就没给 GPU（根本没有设备文件）；gpu-driver-mismatch（驱动更新之后）；gpu-lost-or-gsp
            （宿主机上 nvidia-smi 也失败）。
        怎么办：
            - 重新启动容器，然后用 --c 继续 [CONSENT]。
            - 治本要在宿主机上做：启动时写明设备（--device=/dev/nvidiactl 等）、NVIDIA Container Toolkit 1.18 以
              上，或改用 cgroupfs 驱动 [ADVICE：管理员]。
            - 重装 PyTorch 没有用。
        来源：nvidia-docker#1730、#1671；nvidia-container-toolkit#48、#251、#1227。
        """,
    "cuda-device-assert": """
        GPU 上的一项检查没通过：标签或索引越界。

        发生了什么：数据里有标签大于数据集声明的最大值（或者预处理文件损坏）。内核拿它当索引，整个 GPU 上下文随之报
            废：“CUDA error: device-side assert triggered”。此后任何调用都会报同样的错，所以回溯信息往往
            指向别处。
        如何判断：最先出现的异常就是这句话；如果还打印了断言本身（文件和条件，例如 ScatterGatherKernel.cu 与
            idx_dim < index_size），就能确定是索引越界；此后 CUDA 报什么都有可能（例如“an illegal memory access was
            encountered”）。
        容易混淆：gpu-lost-or-gsp（内核日志里有硬件错误，每次出错的地方不同，数据已核对无误）；worker-exception
            （损坏的病例在读取时就报错）。
        怎么办：
            - nnUNetv2_plan_and_preprocess --verify_dataset_integrity；找出超出 dataset.json 的标签，重新预处理；
              CUDA_LAUNCH_BLOCKING=1 能指出真正的位置 [CONSENT：很慢]。
            - 换批量、减少数据进程只会让它换一步再出现。
        来源：nnUNet#1435、#1043、#1230、#138、#807。
        """,
    "ddp-collective-timeout": """
        多卡训练中有一个进程落后，其余进程都在等它。

        发生了什么：用 -num_gpus 训练时，每个进程都必须走到每一次集合通信。其中一个在等数据、存检查点，或者被暂停
            了；其余进程就在各自的 GPU 上空转，利用率显示 100%。600 秒后 NCCL 的看门狗把它们全部结束：
            “Watchdog caught collective operation timeout”。
        如何判断：看各进程的心跳：有一个在等批次、还停在前面的阶段，或者被暂停，而其他的都在各自的训练步里。只有
            NCCL 那句话时，只知道有人落后，不知道是谁：ALLREDUCE 是训练步，ALLGATHER 是 nnU-Net
            在一轮训练或验证结束时交换损失和 Dice。
        容易混淆：nccl-p2p-broken（没有人落后，从第一步起全部卡在集合通信里）；frozen-worker、slow-storage（它们
            说明那个进程为什么落后，应排在前面）。
        怎么办：
            - 去查落后的那个进程：看它的调用栈，不要看别人的 [SAFE：py-spy dump]。
            - 加大超时只是等得更久；NCCL_P2P_DISABLE 对此没有作用。
        来源：nnUNet#1516、#1485；accelerate#314；pytorch#22834。
        """,
    "gpu-driver-mismatch": """
        驱动、PyTorch 的 CUDA 版本和 GPU 互相不匹配。

        发生了什么：训练在第一次调用 CUDA 时就结束：驱动太旧，带不动 PyTorch 所用的 CUDA；PyTorch 里没有这块 GPU
            的代码（“no kernel image is available”：GPU 太新，或者已被 CUDA 13 放弃）；或者驱动更新后没有重启机器。
        如何判断：异常这样说，而且版本可以证明：CUDA 11 要求驱动 450 以上，CUDA 12 要求 525，CUDA 13 要求 580；
            计算能力 9.0 要求 CUDA 11.8，10 和 12 要求 CUDA 12.8，低于 7.5 的只支持到 CUDA 12；或者 NVML
            报告驱动与库的版本不一致。
        容易混淆：container-lost-gpu（版本都匹配，只是容器不能打开设备）；装成了只支持 CPU 的 PyTorch
            （“not compiled with CUDA enabled”：改装带 CUDA 的）。
        怎么办：
            - 安装与驱动匹配的 PyTorch [CONSENT]。
            - 更新驱动，或在更新之后重启 [ADVICE：管理员]。
            - 在系统里另装 CUDA 工具包没有用：PyTorch 自带一套。
        来源：NVIDIA 的 CUDA 兼容性说明；nnUNet#764。
        """,
    "gpu-lost-or-gsp": """
        GPU 从总线上掉了，或者它的固件不再应答。

        发生了什么：供电、过热、松动、损坏，或者驱动的固件（GSP）让 GPU 停了下来。主进程卡在内核里，连杀都杀不掉；
            nvidia-smi 卡住或提示“Unknown Error”；进行中的一步以“unspecified launch failure”结束，之后再也
            启动不了。
        如何判断：驱动说 GPU 丢失，或者驱动半分钟没有应答、而主进程处于 D 状态；或者内核日志里有硬件、固件类的 Xid
            （79、119、120、62、46；显存类 48、64、94、95）。Xid 13、31、43、45 是程序错误，不能算证据。
        容易混淆：vgpu-unlicensed（驱动会应答，并说明许可状态）；slow-storage（同样是 D 状态，但停在读文件上）；
            cuda-device-assert（会打印断言）；gpu-driver-mismatch（驱动更新之后）。
        怎么办：
            - 重启；请管理员检查供电线、插接、温度和驱动版本；GSP 超时可试 NVreg_EnableGpuFirmware=0 [ADVICE]。
            - 然后用 --c 继续 [CONSENT]。
            - 反复杀训练进程没有用。
        来源：returnn#1486、#1484；open-gpu-kernel-modules#446、#1111；pytorch#24081、#12166；NVIDIA 的 Xid
            错误目录；nnUNet#1519。
        """,
    "gpu-oom-cpu-fallback": """
        有一个预测放不进显存，改在 CPU 上继续。

        发生了什么：最终验证时，大病例的结果（所有类别、半精度）放不下，nnU-Net 提示一次，把结果数组移到内存里，重新
            预测这个病例：速度慢，GPU 时有空闲，又很占内存，之后可能因内存不足而结束。
        如何判断：nnU-Net 自己的那句“Prediction on device was unsuccessful, probably due to a lack of memory”，
            而且正处在最终验证阶段；显存是满的。
        容易混淆：export-lost-result-hang（已经不再预测了）；因内存不足而结束（external-kill、worker-killed：背后的
            原因可能就是它）。
        怎么办：
            - 等，结果是对的；或者用显存更大的 GPU [ADVICE]。
            - 用 nnUNetv2_predict 时加 --not_on_device，省去第一次失败的尝试 [SAFE]。
            - 减小批量改的是训练，对此没有作用。
        来源：nnUNet#2912、#2151、#2659、#2607。
        """,
    "gpu-out-of-memory": """
        网络放不进这块 GPU 的显存，而且没有别人占用。

        发生了什么：第一步、改了计划、批量或图块之后，或者验证时出现“CUDA out of memory”；有时跑了一阵才出现，是显存
            碎片越积越多。
        如何判断：异常这样说；显存是满的；占用显存多的进程都是自己的。
        容易混淆：gpu-shared-or-zombie（显存被别人或已经不在的进程占着）；mig-slice-too-small（“GPU”只是一个切片）；
            gpu-oom-cpu-fallback（预测时，nnU-Net 会继续）；main-exception（批次放不进锁页内存：同样的话，回溯信息里有
            pin_memory）；wsl2-limits（在 WSL 里也是如此）。
        怎么办：
            - 设 PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True 减少碎片 [CONSENT]。
            - 按这块 GPU 重新规划：nnUNetv2_plan_experiment -gpu_memory_target，或换显存更大的 GPU
              [CONSENT：得到另一个网络]。
            - 与 nnUNet_n_proc_DA、内存都无关；手动减小批量会改变训练。
        来源：nnUNet#316；PyTorch 关于显存管理的说明。
        """,
    "gpu-slow-kernels-software": """
        这个版本的 PyTorch 或 cuDNN 用慢速内核计算三维卷积。

        发生了什么：所有三维数据集的每一轮都比同样的 GPU 在别处慢 2 到 10 倍，从第一轮起就这样，常常出现在升级之后。GPU
            满负荷，CPU 和磁盘空闲。
        如何判断：看版本：PyTorch 2.9.0 的半精度三维卷积不走 cuDNN（nnU-Net 作者测得比 2.8.0 慢 4 倍）；2.9.1 要配 cuDNN
            9.15 以上才走，而它自带的更旧；cuDNN 8.0.x 的三维卷积用不上 Tensor Core。如果各轮用时均匀、GPU
            一直很忙，就可以确认。
        容易混淆：gpu-thermal-or-power（频率低）；cpu-starved-augmentation（训练在等批次）；batch-size-cliff
            （只在某个批量下慢）；跑到一半才变慢的，绝不是它。
        怎么办：
            - PyTorch 2.9.1 另装 pip install "nvidia-cudnn-cu12>=9.15"，或改用 PyTorch 2.8、2.10 及以后
              [CONSENT：环境改变]。
            - 减小图块、减少数据进程、关掉数据增强都没有用。
        来源：pytorch#166122、#166643、#57115、#51206 与 2.9.1 的发布说明；nnUNet#335、#1086、#443、#764。
        """,
    "mig-slice-too-small": """
        这块“GPU”只是一个 MIG 切片，而且太小。

        发生了什么：GPU 被切成若干片（MIG），训练看到的整块 GPU 其实是其中一片。nnU-Net 的计划按 10 GB 的 GPU 来定；
            1g.5gb 这样的切片只有一半显存和七分之一的计算单元：要么“CUDA out of memory”，要么比这块 GPU 的名头慢很多倍。
        如何判断：MIG 已开启；这次训练的切片不到 10 GB；异常是显存不足。切片只是慢的话，从外面看不出来。
        容易混淆：gpu-out-of-memory（整块 GPU）；gpu-shared-or-zombie（切片之间不共用显存，别人不会影响你）。
        怎么办：
            - 申请更大的切片或整块 GPU [ADVICE]。
            - 按切片大小重新规划：nnUNetv2_plan_experiment -gpu_memory_target [CONSENT：得到另一个网络]。
            - 调 nnUNet_n_proc_DA 没有用。
        来源：nnU-Net 的硬件要求（10 GB）；NVIDIA 的 MIG 用户指南。
        """,
    "nccl-p2p-broken": """
        GPU 之间的直接通信不通：多卡训练卡在第一次集合通信。

        发生了什么：PCIe 访问控制（ACS）或会做地址转换的 IOMMU，让一块 GPU 写给另一块的数据绕路，途中丢失或出错。所有进
            程都永远停在第一次集合通信里；GPU 利用率 100%，功耗却接近空闲。只用一块 GPU 就正常。
        如何判断：有多个进程，没有谁落后，一步也没完成过，GPU 在空转，而且 GPU 的访问要经过 IOMMU 转换。ACS 只有管理
            员能看（lspci -vvv 里的 ACSCtl）。
        容易混淆：ddp-collective-timeout（有一个进程停在别处，此前训练正常）；多机之间的防火墙或选错网卡。
        怎么办：
            - NCCL_P2P_DISABLE=1：结果正确，交换慢一些 [CONSENT]。
            - 治本：内核命令行加 iommu=pt 或 intel_iommu=off，在固件里关闭 ACS [ADVICE：管理员]。
        来源：nccl#2079、#257、#631、#667、#606、#199；nccl-tests#117；pytorch#73790、#68735。
        """,
    "pcie-link-degraded": """
        GPU 的 PCIe 链路远低于显卡和插槽应有的速度。

        发生了什么：没插紧、插错槽、转接卡、接触不良或省电设置，让链路以更少的通道或更老的代数运行。批次送到 GPU 很慢：
            每一步都变长，GPU 利用率断断续续，而且一直如此。
        如何判断：有负载时见到的最好链路（空闲的 GPU 会主动降速，不算）低于最高值的 0.3，而剩下的带宽至少用掉一半。只是
            通道减半（x8）影响不大。
        容易混淆：cpu-starved-augmentation（训练在等批次）；vram-spill-to-host（链路满速但流量大，在 Windows 和 WSL
            上）；gpu-thermal-or-power（频率低）。
        怎么办：
            - 在有负载时看 nvidia-smi -q -d PCIE；请管理员重新插卡、换插槽、检查固件设置 [ADVICE]。
        来源：NVIDIA 的 NVML 文档（当前与最高链路）。
        """,
    "vram-spill-to-host": """
        Windows 让显存溢出到内存，训练慢如爬行。

        发生了什么：在 Windows 上，以及在它上面的 WSL 里，显存满了驱动不会报错，而是把一部分挪到“共享 GPU 内存”。此后
            每一步都要走总线：慢 5 到 50 倍，没有任何报错，常常是某个桌面程序或较大的病例占掉了最后一点显存。
        如何判断：Windows 或 WSL；显存占用达到 95%；GPU 利用率满，功耗却和空闲时差不多。
        容易混淆：gpu-thermal-or-power（功耗到顶、频率低）；batch-size-cliff（满功耗）；WSL 以外的 Linux 上不会发生，
            那里会报“CUDA out of memory”；GPU 没什么事做，就是在等别的东西（wsl2-limits、cpu-starved-augmentation）。
        怎么办：
            - 在 NVIDIA 控制面板把“CUDA - Sysmem Fallback Policy”设为不回退（网络太大时就会直接报错）[CONSENT]；
              关掉其他程序 [ADVICE]。
            - 用更小的计划 [CONSENT：得到另一个网络]。
        来源：WSL#10452、#11050；ai-toolkit#794、#504；stable-diffusion-webui#11063；Flux.jl#2364；VoxFormer#69。
        """,
    "xorg-dpms-lookalike": """
        无显示器的 X 服务器上画面降到每秒一帧，训练不受影响。

        发生了什么：最后一次输入过后几分钟，X 把（并不存在的）显示器关掉，NVIDIA 驱动随之把这个屏幕上的绘图降到每秒一帧
            左右。看上去很像没有许可的 vGPU：先是全速，然后几乎不动，也不报错。
        如何判断：只影响 OpenGL（VirtualGL、远程桌面）。CUDA 仍是全速，所以从训练的任何读数里都看不出来，诊断结果也
            不会列出它。要看 X 配置里的 HardDPMS 选项，以及变慢的是画面还是训练。
        容易混淆：vgpu-unlicensed（虚拟化模式是 vGPU、有许可阶段，而且训练本身停住）。
        怎么办：
            - 在 xorg.conf 的 Screen 段写 Option "HardDPMS" "false"，或执行 xset -dpms [ADVICE]。
            - 训练不需要改任何东西。
        来源：virtualgl#120；az-hop#56；turbovnc#249。
        """,
}
