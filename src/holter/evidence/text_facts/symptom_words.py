"""Names of symptoms and what people write for them, in English and Chinese: data for ``symptoms``."""

from __future__ import annotations

# Name of a symptom -> what people write.
SYMPTOM_WORDS: dict[str, str] = {
    "slow-from-start": (
        r"slow[^\n]{0,40}(?:from the (?:very )?(?:start|beginning|first)|since the start|from epoch 0)"
        r"|from the (?:very )?(?:start|beginning|first epoch)[^\n]{0,40}slow|never (?:was |been )?fast"
        r"|(?:always|has been) (?:been )?slow"
        r"|(?:一开始|从(?:一)?开始|从头|第一(?:个)? ?(?:轮|epoch))(?:就|都)[^\n]{0,12}慢"
        r"|一直(?:都)?(?:很|这么|非常)慢"
    ),
    "waits-for-disk": (
        r"\b\d{1,3}(?:\.\d+)? ?%? ?wa\b|iowait|wa ?[:=] ?\d\d|\bwa(?: ?\([^()\n]*\))? ?(?:is |was |at |around "
        r"|about |over |为|高达|达到?|约|在)+"
        r" ?[1-9]\d(?:\.\d+)? ?%|(?:disk|I/O|IO)[^\n]{0,20}100 ?%"
        r"|\bD[ -]state\b|(?<![A-Za-z])D ?状态|uninterruptible|(?:reading|loading|读取?)(?:the )?[^\n]{0,12}(?:data"
        r"|数据)[^\n]{0,12}(?:slow|慢)"
        r"|\bread(?:s|ing)?\b[^\n.,]{0,24}\bfrom (?:the )?(?:disk|drive|HDD)\b[^\n.]{0,16}slow"
        r"|\btime\b[^\n.]{0,24}\bread(?:s|ing)? from (?:the )?(?:disk|drive|HDD)\b"
        r"|(?:IO|读取|读盘)(?:速度)?(?:特别|非常|很|太|好)慢"
        r"|data[- ]?(?:loading )?time[^\n]{0,30}(?:long|large|high)"
    ),
    "slow-disk": (
        r"\bHDD\b|spinning disk|mechanical (?:disk|drive)|USB (?:disk|drive|stick)"
        r"|external (?:disk|drive)|机械(?:硬盘|盘)|移动硬盘|U ?盘|network (?:drive|disk|storage"
        r"|file ?system)|网络(?:盘|存储|磁盘)|\bNAS\b|云盘|对象存储|hard-?disk (?:too )?slow"
    ),
    "swap-full": (
        r"\bswap\b[^\n]{0,40}(?:full|used|100)|full[^\n]{0,30}\bswap\b|so is the swap|thrash"
        r"|swapping|交换(?:区|分区|空间)[^\n]{0,12}(?:满|用)"
    ),
    "many-threads": (
        r"(?:thousands|hundreds|\d{3,}) (?:of )?(?:\w+ )?threads|\btoo many threads"
        r"|\b(?:number|amount) of threads[^\n.]{0,30}(?:explod|grow|huge|high|large|increas)"
        r"|(?:spawn|start|creat|launch|us)\w* (?:many |multiple |several |more |its own |their own |\d+ "
        r"|internal |OpenMP )+threads"
        r"|(?:limit|restrict|reduc|disabl|cap)\w*[^\n.]{0,24}\b(?:number of threads|threads? (?:count|pool)"
        r"|multi-?threading"
        r"|threads in)|\bthreads? (?:count|number)[^\n.]{0,24}(?:limit|reduc|restrict)"
        r"|worker[^\n.]{0,30}\b[1-9]\d{2,} ?% (?:of )?(?:a |one )?CPU|\d{3,} v\.?s\.? \d+|线程(?:数)?(?:过"
        r"|太)多|(?:all|every)(?: \d+)?(?: available)? (?:CPU )?cores|(?:very )?high CPU usage"
        r"|CPU 占用[^\n]{0,8}高|torch\.set_num_threads|(?:fix\w*|help\w*|works?|faster|解决"
        r"|恢复)[^\n]{0,60}OMP_NUM_THREADS|OMP_NUM_THREADS[^\n]{0,60}"
        r"(?:fix|help|works|faster|reduc\w+|speeds? up|restor"
        r"|解决|恢复|变快)"
    ),
    "one-core": (
        r"(?:all|every)[^\n]{0,30}(?:workers|processes|threads)[^\n]{0,30}(?:one|same|single"
        r"|core 0|cpu ?0)|sched_getaffinity|numactl|(?:同一|一|单)个? ?(?:CPU ?)?(?:核"
        r"|core)[^\n]{0,10}(?:上|工作|运行|跑)?|只有一个(?:CPU|核)|same (?:CPU )?core|(?:only"
        r"|just) (?:use[sd]? )?(?:one|1|a single) (?:CPU )?core|single core|单核|(?:一|1) ?个(?:CPU)?核"
        r"|只用(?:了)?一个|taskset|sched_setaffinity|(?:CPU|core) affinity|OMP_PROC_BIND|KMP_AFFINITY"
        r"|GOMP_CPU_AFFINITY|绑核"
    ),
    "few-cores": (
        r"only (?:2|two|3|three|4|four) (?:v?CPUs?|cores)|too few (?:CPUs?|cores)"
        r"|CPU ?核(?:心)?(?:数)?(?:太|很)?少|核(?:心)?(?:数)?不(?:够|足)"
        r"|(?:给|分|分配|申请|限制)(?:到|了|成|为)?(?:我|我们)?(?:了)?(?:只有)? ?[1-4一两二三四] ?(?:个)?(?:CPU ?)?核"
    ),
    "cpu-limit": (
        r"cfs_quota|cpu\.max|nr_throttled|CPU (?:limit|quota)s?\b|limits?:?\s*(?:\n\s*)?cpu|CPU 限制"
        r"|throttled (?:by|periods)|cpu throttl"
    ),
    "others-use-cpu": (
        r"(?:multiple|several|many|two|three|four|\d+) (?:[\w-]+ )?(?:runners?|jobs|trainings|experiments|workloads"
        r"|scripts|instances)\b[^\n]{0,60}(?:CPU|cores|at (?:once|the same time)|in parallel|simultaneously)"
        r"|other (?:jobs?|users?|people|processes|programs?|training)[^\n]{0,40}(?:CPU|machine"
        r"|server|run(?!\w*[^\n.]{0,16}\bGPU))|shared (?:server|machine|node)"
        r"|load average[^\n]{0,20}\d\d|(?:别人|其他人"
        r"|其他(?:任务|进程|程序))[^\n]{0,16}(?:占|跑|用)|同时(?:跑|运行|训练)(?:了)?(?:两|多|几)个"
    ),
    "others-use-gpu": (
        r"(?:second|another|other) (?:process|instance|job|training|program|task|user|people|model)\w*[^\n]{0,40}\bGPU"
        r"|GPU[^\n]{0,40}(?:someone else|other user|another)|exclusive[- ]process|被(?:别人"
        r"|其他)[^\n]{0,6}占|已被占用|(?:start|run) it a (?:second|third) time|two (?:trainings"
        r"|jobs)[^\n]{0,20}(?:one|same) GPU"
    ),
    "gpu-memory-held": (
        r"memory[^\n.]{0,60}\b(?:not|never|isn't|wasn't|doesn't|won't) (?:be(?:ing)? |get )?(?:\w+ly )?(?:released?"
        r"|freed?|deallocated|cleared|given back)|GPU memory (?:is |was )?still "
        r"(?:used|using|in use|occupied|held|taken|allocated)"
        r"|(?:still|keeps?) (?:us|hold|occupy|tak)\w+ (?:the |all |its )?GPU(?: memory)?\b|zombie|\bfuser\b"
        r"|显存(?:不会?|没有?|未|无法|不能|总不)(?:自动)?(?:被)?释放|(?:占用|占着|占)(?:着|了)?(?:GPU|显存"
        r"|显卡)[^\n,，。]{0,14}"
        r"(?:无法|不能|没法|没有?)(?:清除|释放|杀)|不会释放显存|(?:显存|显卡|卡|GPU)[^\n]{0,40}(?:没有"
        r"|看不到)[^\n]{0,14}进程"
        r"|no (?:running )?process(?:es)?[^\n]{0,30}(?:memory|listed|shown|found)"
    ),
    "hot": r"\b(?:8[0-9]|9\d) ?(?:degrees|°|℃|度)|thermal|throttles? down|overheat|过热|降频|散热|温度(?:过|太|很)高",
    "memory-spills": (
        r"shared GPU memory|more VRAM than (?:it|the (?:card|GPU)) has|共享 ?GPU ?内存|共享显存"
        r"|sysmem fallback|system memory fallback"
        r"|swap to (?:system )?(?:RAM|memory)"
    ),
    "output-hidden": (
        r"(?:no|without) (?:any )?(?:console )?(?:output|log(?:s|ging)?)\b|(?:output"
        r"|log)[^\n]{0,30}(?:gets?|shows?) (?:no|nothing|another line)"
        r"|neither the[^\n]{0,30}output|nothing (?:is |was )?(?:printed|shown|displayed)"
        r"|(?:print|output|show|write|log)s? nothing\b|PYTHONUNBUFFERED"
        r"|没有(?:任何)?(?:输出|日志|打印|显示)|不(?:显示|打印|输出)|日志(?:不"
        r"|没有?)(?:更新|输出)|flush=True|output (?:is )?buffer|buffer\w* (?:its |the |my )?(?:std)?out|(?:console"
        r"|cmd|terminal|screen|window)[^\n.]{0,30}(?:has ?n.t|does ?n.t|did ?n.t|not"
        r"|stopped)[^\n.]{0,16}(?:show|print|updat|refresh|display)"
    ),
    "direct-transfer": r"\bP2P\b|peer[- ]to[- ]peer|\bIOMMU\b|IO_PAGE_FAULT|AMD-Vi|\bACS\b|NCCL_P2P_DISABLE|NVLink",
    "rank-timeout": (
        r"(?:DDP|distributed|torchrun|rank|nccl|多卡|all_?reduce|barrier)[\s\S]{0,200}(?:time ?out"
        r"|timed out|超时)|(?:超时|time ?out)[\s\S]{0,120}(?:DDP|ddp|多卡|nccl|rank)"
    ),
    "rank-waits": (
        r"(?:other|remaining) (?:ranks|processes|GPUs)[^\n]{0,40}wait|(?:rank"
        r"|process) 0[^\n]{0,60}(?:validat|evaluat|sav)|barrier"
    ),
    "lock-after-fork": (
        r"(?:hangs?|deadlock)[\s\S]{0,160}(?:multiprocessing|subprocess|fork|background process"
        r"|pool)|(?:multiprocessing|fork|pool)[\s\S]{0,200}(?:hangs?|deadlock|never (?:gives"
        r"|returns))|(?:potrf|gesv|cholesky|OpenMP|libgomp|MKL|cv2|opencv"
        r"|openblas)[\s\S]{0,160}(?:fork|multiprocessing|num_workers|subprocess|pool|worker)"
        r"|setNumThreads\(0\)|(?:fork|multiprocessing)[\s\S]{0,120}(?:OpenMP|libgomp|MKL|cv2"
        r"|opencv|openblas|lock)"
    ),
    "tracker": (
        r"\bTask\.init\(|(?:wandb|weights (?:&|and) biases|tensorboard|mlflow|\bneptune\b|clearml|comet_ml"
        r"|swanlab|hiddenlayer|graphviz|visdom)[\s\S]{0,160}(?:stuck|\bhang|hung|freez|wait|lock"
        r"|timeout|卡)|(?:stuck|\bhang|stands? still|卡)[\s\S]{0,160}(?:wandb|mlflow|clearml|comet_ml"
        r"|swanlab|tensorboard)"
    ),
    "moves-on": (
        r"(?:but|then) (?:it )?(?:continues|goes on|moves on|resumes)|等(?:了)?(?:很久|一会|一段时间)(?:后|就)"
        r"|又(?:能|可以|继续)|just (?:very )?slow\b"
    ),
    "gone-after-a-while": (
        r"(?:after|within) (?:a )?(?:few|couple of|some|several) (?:minutes|hours|days)|过(?:几"
        r"|一)(?:天|小时|分钟|段时间)"
    ),
    "slow-after-minutes": (
        r"(?:first|initial) (?:couple of |few |\d+ )?(?:minutes|hours|epochs)[\s\S]{0,120}(?:slow"
        r"|throttl|drop|stall|stuck)|after (?:a few|some|\d+(?:-\d+)?) (?:minutes"
        r"|epochs?)[\s\S]{0,100}(?:slow|throttl|drop|fall|stall|stuck|0 ?%)|(?:前|跑了?|训练了?"
        r"|过了?)[^\n]{0,8}(?:\d+|几)[^\n]{0,6}(?:分钟|轮|epoch)[^\n]{0,60}(?:慢|降|掉|卡|0 ?%)"
    ),
    "drops-to-idle": (
        r"(?:drop|fall|fell|go|went|goes|plung|collaps)\w*[^\n]{0,30}(?:to|at)[^\n]{0,16}\b0 ?%?"
        r"|(?:降至?|降到|掉到?|跌到?|骤降|突降|变成)[^\n]{0,8}(?:接近|几乎)? ?0 ?%"
    ),
    "nvml-fails": (
        r"NVML[^\n]{0,40}(?:cannot|can't|fail|unknown error|could not)|Failed to initialize NVML"
        r"|nvidia-smi[^\n]{0,30}(?:fails|not work|报错|失败)"
        r"|\bGPUs? (?:[\w']+ ){0,3}?(?:becom\w+|became|gets?|got|is|are|was|were) (?:[\w']+ ){0,2}?(?:unavailable"
        r"|inaccessible|invisible|gone|not (?:available|accessible|visible|found|usable))"
        r"|\bGPUs? (?:is |are )?not (?:working|usable|detected|recogni[sz]ed)\b"
        r"|\b(?:los(?:es?|ing|t) (?:access to )?(?:the |its |all |my )?GPUs?\b)"
        r"|(?:GPU|显卡)[^\n,，。]{0,10}(?:不可用|用不了|不见了|消失|找不到|丢失)"
    ),
    "windows-memory": (
        r"BrokenPipeError|freeze_support|if __name__|Can't pickle|spawn[^\n]{0,20}Windows"
        r"|\bDLL\b[^\n]{0,30}not enough memory|not enough memory[^\n]{0,30}\bDLL\b"
        r"|OSError: \[WinError|1455|页面文件|paging file|virtual memory|虚拟内存|DLL load failed|c10\.dll"
        r"|shm\.dll|\bcaffe2_\w+\.dll|\bpage ?file\b|分页文件|页面交换文件"
    ),
    "validation-on-cpu": (
        r"(?:predict|validat|inference)\w*[^\n]{0,60}on (?:the )?CPU|falling back to CPU"
        r"|CPU 上(?:预测|推理|验证)"
    ),
    "new-gpu-slow": (
        r"(?:3090|4090|A100|H100|5090|RTX)[^\n]{0,60}(?:slower|worse|slow) than"
        r"|\b(?:conv\w*|kernels?|operations?)\b[^\n]{0,40}\bslow(?:er)? on (?:the |an? |my |new )*"
        r"(?:RTX|GeForce|[ALH]\d{2,3}|[345]0[5-9]0)\b|(?:slower"
        r"|worse) (?:on|than)[^\n]{0,40}(?:1080|2080|V100|3090|older)|比[^\n]{0,20}(?:1080|2080"
        r"|V100|3090)[^\n]{0,10}(?:慢|还慢)"
    ),
    "faulty-hardware": (
        r"(?:random|different)(?:ly)? (?:crash|error|segfault)|memtest|\bMCE\b|bad RAM|内存条|蓝屏"
        r"|reboots? (?:itself|by itself)|自动重启|死机"
    ),
    "gpu-use-fluctuates": (
        r"(?:util\w*|usage|利用率|占用率?)[^\n]{0,40}(?:fluctuat|jumps?|oscillat|spik|drops? to 0"
        r"|up and down|between 0|from 0|波动|忽高忽低|跳动|起伏|一会)|(?:fluctuat|jumps?"
        r"|spik)[^\n]{0,40}(?:util|usage)|0 ?%? ?(?:-|to|~|到) ?100 ?%"
        r"|data ?loader[^\n]{0,40}(?:bottleneck|too slow|slow)|(?:augmentation|预处理|数据增强|数据加载|读取数据"
        r"|加载数据)[^\n]{0,20}(?:bottleneck|slow|慢|瓶颈|耗时)|CPU[^\n]{0,12}(?:bottleneck|瓶颈)"
        r"|waits? for (?:data|batches)"
    ),
    "gpu-use-low": (
        r"(?:util\w*|usage)(?: \w+){0,2} (?:under|below|less than|only|just|at most|not (?:above|over)) ?(?:about )?"
        r"[1-4]?\d ?%|\b(?:low|poor|tiny|near[- ]zero) (?:[\w/-]+ ){0,2}(?:GPU-)?(?:util\w*|usage)\b"
        r"|\bunder-?utili[sz]\w*"
        r"|(?:util\w*|usage)(?: rate)?(?: of (?:the |my |our )?GPUs?)? (?:is|are|was|stays?|remains?) "
        r"(?:\w+ ){0,3}(?:low|poor|near (?:zero|0))"
        r"|(?:do|does|can|could)(?: not|n't) see any GPU (?:usage|use|util\w*|load|activity)"
        r"|(?:GPU|显卡)[^\n，。]{0,12}(?:利用率|使用率|占用率?)[^\n，。]{0,8}低"
    ),
    "same-time-any-data": (
        r"(?:time|seconds|minutes)[^\n]{0,60}\bsame\b[^\n]{0,40}(?:different|any|all|both|every)"
        r"[^\n]{0,24}(?:amounts?|numbers?|sizes?|data ?sets?|training data)"
        r"|\bsame (?:epoch )?time[^\n]{0,60}(?:more|less|fewer|half|\d+ ?%)[^\n]{0,24}(?:data|cases|images)"
        r"|(?:数据|样本|病例)(?:量|数)?[^\n]{0,20}(?:多少|不同|减少|增加|变)[^\n]{0,30}时间[^\n]{0,10}(?:一样"
        r"|不变|相同)"
    ),
    "larger-batch-slower": (
        r"(?:larger|bigger|increas\w*|higher) batch ?size[^\n]{0,80}(?:slow|longer|drop)"
        r"|batch ?size[^\n]{0,40}(?:slow|longer|变慢|更慢)"
    ),
    "copies-on-read": (
        r"copy[- ]on[- ](?:write|read|access)|pytorch/(?:pytorch/)?issues/13246|pytorch#13246|ref(?:erence)?"
        r" ?count|(?:each|every"
        r"|per) worker[^\n]{0,40}memory[^\n]{0,20}grow|worker[^\n]{0,60}(?:RSS"
        r"|memory)[^\n]{0,30}(?:grow|increas|涨|增)|数据进程[^\n]{0,20}内存[^\n]{0,10}(?:增|涨)"
    ),
    "host-leak": (
        r"(?:host|CPU|system) (?:memory|RAM)[^\n]{0,40}(?:leak|grow|(?<!be )increas)|cudnn[^\n]{0,60}leak"
        r"|leak[^\n]{0,60}cudnn"
    ),
    "rss-stays": (
        r"(?:(?:system|machine|host|node|used|total|free|server)\b[^\n]{0,40}\b(?:memory|RAM)|\b(?:memory|RAM) of the "
        r"(?:machine|node|host|server)|\bfree -\w|内存)[^\n]{0,60}(?:grow|climb|ris(?:es|ing)|increas|fill|涨|增|上升)"
        r"[^\n]{0,90}(?:\bRSS\b|\bRES\b|进程)[^\n]{0,50}(?:stays?|constant|flat|unchanged|same|not (?:grow|change|rise)"
        r"|n't (?:grow|change|rise)|不变|不涨|没(?:有)?(?:涨|增|变)|稳定)"
    ),
    "arenas": r"MALLOC_ARENA|jemalloc|tcmalloc|malloc_trim",
    "stops-early": (
        r"(?:stops?|ends?|exits?|finish\w*)[^\n]{0,40}(?:early|before (?:the )?(?:last|all|1000)"
        r"|without (?:any )?(?:error|warning|message))|(?:提前|中途|自动)(?:结束|退出|停止|终止)"
        r"|没有报错[^\n]{0,12}(?:结束|退出|停)|莫名(?:其妙)?(?:结束|退出|停)"
    ),
    "cannot-exit": (
        r"(?:does|do|did|will)(?: not|n't) (?:exit|terminate|quit|finish)"
        r"|(?:program|process|script|training)[^\n.]{0,20}(?:(?:does|do|did|could) ?(?:not|n't)|cannot|can't)"
        r" stop\b|never (?:exits"
        r"|terminates|ends)|不会?(?:自动)?(?:结束|退出)(?:程序|进程)?"
        r"|hangs? (?:at|on|after) (?:exit|the end|finish|(?:the )?training)|(?:process|program|job|script"
        r"|terminal)\w*[^\n.]{0,60}\bafter (?:the )?(?:training|script|program|job|run) (?:is |was |has |had"
        r" )?(?:been )?(?:over|end|done|finish|complet)|(?:after|when|once) (?:the )?training (?:is |was |has"
        r" )?(?:end|over|finish|complet|done)\w*[^\n]{0,60}(?:Ctrl|ctrl|crtl)[- +]?c|(?:训练|程序)(?:完(?:成)?"
        r"|结束)[^\n]{0,14}(?:不退出|卡住|不结束|没有退出|卡)|无法退出"
    ),
    "validation-hangs": (
        r"(?:validation|inference|predict\w*|export\w*|evaluat\w*)[^\n]{0,60}(?:stuck|\bhang|freez"
        r"|never|stops)|(?:stuck|hangs?)[^\n]{0,40}(?:validation|inference|predict|export)|(?:推理"
        r"|预测|验证)[^\n]{0,20}(?:卡|停|不动)"
    ),
    "epoch-per-epoch-start": (
        r"(?:start|beginning|between) (?:of )?(?:each |every )?epochs?[^\n]{0,60}(?:slow|long|wait"
        r"|delay|second|minute)|persistent_workers|each epoch[^\n]{0,40}(?:re-?creat|restart|spawn"
        r"|start)[^\n]{0,20}worker|每(?:个|一)?(?:轮|epoch)[^\n]{0,8}(?:开始|之间)[^\n]{0,16}(?:慢|等|卡|停)"
    ),
    "slower-after-upgrade": (
        r"(?:upgrad|updat|升级|更新)[^\n]{0,80}(?:slow|慢|longer)"
        r"|slow\w*[^\n.]{0,50}\b(?:torch|pytorch|cuda|cudnn|driver) ?(?:version"
        r" )?v?\d[\d.]*[^\n]{0,24}\b(?:compared (?:to|with)|than|vs)\b"
        r"|\b(?:downgrad|roll(?:ing|ed)? back)\w*[^\n.]{0,60}(?:fast|speed|normal|fix|recover)"
        r"|performance regression|slower[^\n]{0,60}(?:upgrad"
        r"|newer version|than (?:torch|pytorch|version|v?\d))|(?:torch|pytorch"
        r"|cudnn) ?\d[\d.]*[^\n]{0,40}(?:slower|slow|慢)|conv3d[^\n]{0,40}slow"
        r"|3D conv\w*[^\n]{0,30}slow"
    ),
    "kernel-time": (
        r"kswapd|khugepaged|compaction|(?:sys|system|kernel) (?:time|CPU)[^\n]{0,24}(?:high"
        r"|\d\d ?%)|\d{2,3} ?%? ?sy\b|(?:half|most) of the CPU[^\n]{0,30}kernel"
    ),
    "narrow-link": (
        r"PCI-?e? ?(?:x1|x4|gen ?[12]|1\.0|2\.0)|LnkSta|riser|\bx4 (?:slot|lane)|转接"
        r"|PCIe[^\n]{0,20}(?:带宽|速度)"
    ),
    "one-gpu-fine": (
        r"(?:single|one|1) (?:GPU|card)[^\n]{0,40}(?:works?|fine|ok\b|no problem)|(?:works?|fine"
        r"|normal)[^\n]{0,40}(?:single|one|1) (?:GPU|card)|单卡[^\n]{0,16}(?:正常|可以|没问题|能)"
        r"|(?:multi-?GPU|多卡|双卡|two GPUs|2 GPUs|DDP|DataParallel)[^\n]{0,80}(?:\bhang|stuck|freez|卡住"
        r"|卡死|不动)|(?:\bhang|stuck|卡住)[^\n]{0,80}(?:multi-?GPU|多卡|双卡|two GPUs|2 GPUs"
        r"|init_process_group|all_?reduce|nccl)"
    ),
    "large-volumes": (
        r"(?:very )?(?:large|huge|big) (?:volumes?|images?|CTs?|scans?|cases?)|whole[- ]body|(?:图像"
        r"|数据|体积|影像)(?:很|太|非常)大|\d{3,4} ?[x×*] ?\d{3,4} ?[x×*] ?\d{3,4}"
    ),
    "stopped-by-user": (
        r"Ctrl ?[-+]? ?Z|\bstate:? T\b|\bSTAT\b[^\n]{0,40}\bT\b|suspended|\[\d\]\+ +Stopped"
        r"|SIGSTOP|挂起|暂停"
    ),
    "ram-full": (
        r"(?<!GPU )(?<!CUDA )(?<!shared )\b(?:memory (?:problem|issue|error)|memory (?:is )?too (?:little|small|low))\b"
        r"|内存(?:太|过)(?:小|少)|内存(?:的)?问题"
        r"|(?:RAM|host memory|system memory|CPU memory)[^\n]{0,40}(?:full|100 ?%|exhaust|run(?:s"
        r"|ning)? out|not enough|insufficient)|(?:run(?:s|ning)? out|out) of (?:RAM|(?:CPU|system"
        r"|host) memory)|内存(?:不足|不够|爆|溢出|占满|满了|耗尽)|爆内存"
    ),
    "session-closed": (
        r"(?:ssh|terminal|session|VPN|connection|vscode|vs code)[^\n]{0,40}(?:disconnect|clos|lost"
        r"|drop|断)|关闭(?:终端|窗口|电脑)|断(?:开|了)?(?:连接|ssh|网)|掉线|nohup"
    ),
    "policy": (
        r"(?:idle|inactiv|low (?:GPU )?util\w*)[^\n]{0,40}(?:kill|terminat|reap|cancel|evict|shut ?down)"
        r"|(?:空闲|利用率(?:过|太)?低)[^\n]{0,20}(?:杀|终止|回收|清理|取消|释放)|(?:admin|policy|watchdog"
        r"|reaper)[^\n]{0,40}(?:kill|terminat)|(?:管理员|系统)[^\n]{0,12}(?:杀|终止|清理)|time limit|时间限制"
        r"|preempt|抢占|spot|wall ?time"
    ),
}  # fmt: skip
