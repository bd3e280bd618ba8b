"""Messages of kernels, schedulers, container runtimes and shells in other languages that ``system`` does not hold.

Collected from their sources: mm/oom_kill.c, kernel/{watchdog,hung_task,cgroup/pids}.c, fs/{ext4,xfs,nfs,smb}, drivers/
{ata,nvme,pci}, Slurm (slurmstepd/mgr.c, slurm_protocol_defs.c), LSF and PBS manuals, moby, kubelet eviction, NVIDIA's
vGPU guide, and the message catalogues of glibc and bash (de, fr, zh_CN).
"""

from __future__ import annotations

from holter.evidence.text_facts.endings import DEATH
from holter.evidence.text_facts.known import Known, known, words

KERNEL: tuple[Known, ...] = (
    known(
        r"Killed process \d+ \(|Killed process \d+, UID|CONSTRAINT_MEMCG|Memory cgroup out of memory"
        r"|task \d+: Out Of Memory"
        r"|low on resource: memory|MemoryPressure|TERM_MEMLIMIT|PBS: job killed: (?:v?mem|pmem)"
        r"|exceeded (?:its |the )?(?:job )?memory limit|exceeds? (?:job )?memory limit|reason: OOMKilled|已被 ?OOM",
        {**DEATH, "oom.kills": 1},
    ),
    known(
        r"^.*(?:critical medium error|failed command: (?:READ|WRITE)|I/O \d+ QID \d+ timeout|Metadata (?:I/O"
        r"|corruption)"
        r"|log I/O error|has not responded in \d+ seconds|LustreError|not responding, (?:still trying|timed out)"
        r"|Remounting filesystem read-only|UNC at LBA|I/O error on dev).*$",
        {"storage.kernel_errors": words()},
    ),
    known(r"Remounting filesystem read-only", {"disk.read_only": True}),
    known(
        r"^.*(?:general protection fault|trap invalid opcode|Corrected error, no action required|CPU context corrupt"
        r"|Hardware event\. This is not a software error|Bad page state|BUG: Bad rss-counter).*$",
        {"hardware.kernel_errors": words()},
    ),
    known(
        r"^.*(?:NVRM: (?:GPU at|The NVIDIA GPU|RmInitAdapter failed|rpcRm|_kgspRpc)"
        r"|PCIe Bus Error: severity=Uncorrected"
        r"|nvlddmkm).*$",
        {"gpu.kernel_errors": words()},
    ),
    known(r"\btask \d+: Out Of Memory", {**DEATH, "main.exit_signal": 9}),
    known(r"segfault at [0-9a-f]+ ip", {**DEATH, "main.exit_signal": 11}),
)

GPU: tuple[Known, ...] = (
    known(
        r"RmInitAdapter failed|No devices were found|\(rev ff\)|\brev ff\b|GPU requires reset"
        r"|nvidia-smi[^\n]{0,80}ERR!"
        r"|\bERR!\s|Unable to determine the device handle|GPU access blocked|WARNING: infoROM is corrupted",
        {"gpu.trouble": "lost"},
    ),
    known(r"nvml error: driver/library version mismatch|NVRM: API mismatch", {"gpu.trouble": "mismatch"}),
    known(
        r"could not select device driver|nvidia-container-cli: (?:initialization|mount|ldcache) error"
        r"|NVML initiali[sz]e failed|Failed to initiali?i?ze NVML: Unknown",
        {"gpu.trouble": "forbidden"},
    ),
    known(
        r"Valid (?:GRID|vGPU) license not found|Failed to acquire (?:GRID |vGPU )?licen[cs]e|vGPU is unlicensed"
        r"|GPU features and performance will be restricted|Unable to acquire licen[cs]e|License (?:has )?expired",
        {"gpu.licence_text": "Unlicensed", "gpu.virtualization": "vgpu"},
    ),
)

SCHEDULERS: tuple[Known, ...] = (
    known(
        r"\bTERM_RUNLIMIT\b|walltime \d+ exceeded limit|PBS: job killed: walltime|reached its (?:wall)?time limit",
        {**DEATH, "main.exit_signal": 15, "main.time_limit": True},
    ),
    known(
        r"PBS: job killed: ncpus|\b(?:PREEMPTED|TERM_OWNER|TERM_ADMIN|TERM_PREEMPT)\b"
        r"|The node was low on resource: ephemeral"
        r"|Preempted in order to admit|termination is imminent|Received SIGTERM|closing signal SIGTERM"
        r"|spot (?:termination|interruption|instance)|preemptible|idle shutdown|抢占(?:式)?实例",
        {**DEATH, "main.exit_signal": 15},
    ),
    known(
        r"\b(?:NODE_FAIL|BOOT_FAIL)\b|Node \S+ not responding, setting DOWN|NodeLost\b",
        {**DEATH, "main.node_failed": True},
    ),
    known(
        r"ephemeral[- ](?:local )?storage usage exceeds"
        r"|exceed\w* (?:its |the )?(?:total )?(?:local )?ephemeral[- ](?:local )?storage|Usage of EmptyDir volume",
        {**DEATH, "disk.error": "quota"},
    ),
)

# What a shell or the C library says in German, French and Chinese; English stands in ``errors`` and ``system``.
TRANSLATED: tuple[Known, ...] = (
    known(r"^[ \t]*(?:Getötet|Processus arrêté|Tué|已杀死)", {**DEATH, "main.exit_signal": 9}),
    known(r"Speicherzugriffsfehler|Erreur de segmentation|段错误", {**DEATH, "main.exit_signal": 11}),
    known(r"Bus-Zugriffsfehler|Erreur du bus|总线错误", {**DEATH, "main.exit_signal": 7}),
    known(r"(?:Abgebrochen|Abandon) \(", {**DEATH, "main.exit_signal": 6}),
    known(
        r"kein Speicherplatz mehr (?:auf dem Gerät )?verfügbar|Auf dem Gerät ist kein Speicherplatz"
        r"|Aucun espace disponible sur le périphérique|设备上没有空间|磁盘空间不足",
        {**DEATH, "disk.error": "full"},
    ),
    known(r"\(Quota\) ist überschritten|quota d'espace disque|超出磁盘(?:限|配)额", {**DEATH, "disk.error": "quota"}),
    known(
        r"Dateisystem ist nur lesbar|accessible en lecture seulement|只读文件系统", {**DEATH, "disk.error": "read-only"}
    ),
    known(
        r"Zu viele offene Dateien|Trop de fichiers ouverts|打开的文件过多", {**DEATH, "exception.kind": "descriptors"}
    ),
    known(
        r"Nicht genügend (?:Haupts|S)peicher verfügbar|Ne peut allouer de la mémoire"
        r"|Impossible d'allouer de la mémoire"
        r"|无法分配内存",
        {**DEATH, "exception.kind": "memory"},
    ),
    known(
        r"Eingabe-/Ausgabefehler|Erreur d'entrée/sortie|输入/输出错误|过旧的文件句柄|Veraltete Dateizugriffsnummer",
        {**DEATH, "exception.kind": "remote-file-system"},
    ),
    known(
        r"Die Ressource ist zur Zeit nicht verfügbar|Ressource temporairement non disponible|资源暂时不可用",
        {**DEATH, "limit.reached": "processes"},
    ),
    known(
        r"^\[\d+\]\+ +(?:Angehalten|Stoppé|已停止)|^[ \t]*(?:Angehalten|已停止)\s*$",
        {"main.state": "T", "episode.kind": "stall"},
    ),
)

MESSAGES = (*KERNEL, *GPU, *SCHEDULERS, *TRANSLATED)
