"""Prepare a posted text for a search with patterns: one alphabet, one width, no mark-up, no broken lines."""

from __future__ import annotations

import html
import re

from holter.patterns import later

# Traditional characters, and below the simplified ones that the patterns are written in: those of OpenCC's table
# (TSCharacters) whose simplified form our own texts use.
_TRADITIONAL = (
    "丟並乾佈佔併來侷係倉個們側偵偽傑備傢傳傷僅價億儘優儲兒內兩冊凍別刪則剛創劃劇劑勁動務勝勞勢勻匯區協卻參吳員問啟喪喫喬單嗎嘗噴噹嚇嚐嚮嚴圍園圓圖團執堅報場塊塵墊壇壓壞壯壽夠夢夾奪奮婦學實寧審寫寬寶將專尋"
    "對導層屬島師帶幀幣幫幹幾庫廠廢廣廳張強彆彈彙後徑從復徵徹恆悶惡態慣慮憑憶應懷戰戲戶拋捨捲掃掛採換損搶摺撐擁擇擊擋擔據擠擬擴擾攝敗敵數斂斷於昇時暫曆曉書會朮東條棄棧業極榦構槍樂樓標樣樹橋機橫檔檢檯櫃欄權"
    "歐歡歲歷歸殘殺毀氣決沒沖況洩淚淨減測湊準溫滅滯滾滿漲漸潰濟瀏灣災為無煙煩熱燈燒燬爭爺爾牆狀獨獲現環產畢畫異當療癒癥發盡監盤眾確碼礎礙礦禮稅種稱積穩穫窮競筆箇節範築簡簽籃籤糧糰糾約紅紋納純級細終組結絕絡"
    "給統絲綁經綠維綱網緊緒線緣編緩練緻縣縮縱總織繞繪繫繼續纔罈罰羅義習聖聞聯聲職聽肅脩脫腦腳臉臨臺與興舉舊艦艱莊華菸萬葉蒐蓋藍藥處虛號虧蝸蟲術衛衝補裝裡製複見規視親覺覽觀觸訂計訊討訓託記訪設許訴診註証評詞"
    "詢試話該詳誌認語誤說誰課調談請論諸諾講謝證識譜譯議護讀變讓讚豐貝負財貢貨貴買費貼資質賬賴賽贈贊贏趕趨跡踐蹟蹤車軌軍軟軸較載輔輕輛輩輪輯輸轉轟辦農迴這連週進遊運過達違遞遠適遲選遺還邊鄉鄰醫釋針鈕鉤銀銷鋪"
    "鋸錄錢錦錯錶鍵鍾鎖鎮鏈鏡鐘鐵鑰長門閃閉開閑閒間閤閱闆關陞陣隊階際隨險隻雖雙雜離難雲電靈靜韆響頁頂項順須預頓頭頸頻顆題額願類顧顯風颱飛餓餘館馬駐騙騰驅驗驚驟體髮鬆鬚鬥鮮鹽麗麴麵麼黃點齊齒齡齣龍"
)
_SIMPLIFIED = (
    "丢并干布占并来局系仓个们侧侦伪杰备家传伤仅价亿尽优储儿内两册冻别删则刚创划剧剂劲动务胜劳势匀汇区协却参吴员问启丧吃乔单吗尝喷当吓尝向严围园圆图团执坚报场块尘垫坛压坏壮寿够梦夹夺奋妇学实宁审写宽宝将专寻"
    "对导层属岛师带帧币帮干几库厂废广厅张强别弹汇后径从复征彻恒闷恶态惯虑凭忆应怀战戏户抛舍卷扫挂采换损抢折撑拥择击挡担据挤拟扩扰摄败敌数敛断于升时暂历晓书会术东条弃栈业极干构枪乐楼标样树桥机横档检台柜栏权"
    "欧欢岁历归残杀毁气决没冲况泄泪净减测凑准温灭滞滚满涨渐溃济浏湾灾为无烟烦热灯烧毁争爷尔墙状独获现环产毕画异当疗愈症发尽监盘众确码础碍矿礼税种称积稳获穷竞笔个节范筑简签篮签粮团纠约红纹纳纯级细终组结绝络"
    "给统丝绑经绿维纲网紧绪线缘编缓练致县缩纵总织绕绘系继续才坛罚罗义习圣闻联声职听肃修脱脑脚脸临台与兴举旧舰艰庄华烟万叶搜盖蓝药处虚号亏蜗虫术卫冲补装里制复见规视亲觉览观触订计讯讨训托记访设许诉诊注证评词"
    "询试话该详志认语误说谁课调谈请论诸诺讲谢证识谱译议护读变让赞丰贝负财贡货贵买费贴资质账赖赛赠赞赢赶趋迹践迹踪车轨军软轴较载辅轻辆辈轮辑输转轰办农回这连周进游运过达违递远适迟选遗还边乡邻医释针钮钩银销铺"
    "锯录钱锦错表键钟锁镇链镜钟铁钥长门闪闭开闲闲间合阅板关升阵队阶际随险只虽双杂离难云电灵静千响页顶项顺须预顿头颈频颗题额愿类顾显风台飞饿余馆马驻骗腾驱验惊骤体发松须斗鲜盐丽曲面么黄点齐齿龄出龙"
)
# Words of Taiwan and Hong Kong, in simplified characters, and those of the mainland.
_WORDS = {
    "记忆体": "内存", "显示卡": "显卡", "硬碟": "硬盘", "磁碟": "磁盘", "程式": "程序",
    "执行绪": "线程", "行程": "进程", "当机": "死机", "资料": "数据", "档案": "文件",
    "网路": "网络", "伺服器": "服务器", "软体": "软件", "硬体": "硬件", "回圈": "循环",
    "视窗": "窗口", "预设": "默认", "萤幕": "屏幕", "时脉": "频率", "工作管理员": "任务管理器",
}  # fmt: skip
# Full-width signs, letters and digits of Chinese keyboards.
_NARROW: dict[int, str | int | None] = {0xFF01 + number: 0x21 + number for number in range(0x5E)} | {
    0x3000: " ",
    0x00A0: " ",
    0x2009: " ",
}
_NARROW |= {0x200B: None, 0x200E: None, 0xFEFF: None, 0x201C: '"', 0x201D: '"', 0x2018: "'", 0x2019: "'"}
_NARROW |= {0x3010: "[", 0x3011: "]", 0x300C: '"', 0x300D: '"'}
_SIMPLER = dict(zip(map(ord, _TRADITIONAL), _SIMPLIFIED, strict=True))
_ANSI = later(r"\x1b\[[0-?]*[ -/]*[@-~]|(?<![\w\]])\[(?:\d{1,2};)*\d{0,2}m")
_ENTITY = later(r"&(?:#\d{1,6}|#x[0-9a-fA-F]{1,5}|[a-z]{2,6});")
_TAG = later(r"</?(?:p|br|b|i|li|ul|ol|div|span|code|pre|strong|em|a|font|h\d)(?:\s[^<>\n]{0,200})?/?>", re.I)
# A block of a page begins and ends with its tags, not with a blank.
_BLOCK = later(r"^</?(?:pre|code)>|</?(?:pre|code)>$", re.I | re.MULTILINE)
# Lines that programs print: time stamps, tracebacks, progress bars, tables, code.
_PRINTED = later(
    r"^(?:[>$#|+=]|[*-]{3}|\S+ +\d+ +\d+\.\d +\d+\.\d |\s{2,}\S|\[(?:epoch|step|iter)|\[?\d{4}-\d\d-\d\d"
    r"|\d\d:\d\d|Traceback|File |  File"
    r"|\s*\^"
    r"|.*\d+%\||.*it/s\]|.*\bs/it|[\w.]+(?:Error|Exception|Warning):|using pin_memory)"
)
# Indented, it is a sentence if it has words and no sign of code: web pages indent what stands below a command.
_INDENTED = later(r"[ \t]{2,}\S")
_SENTENCE = later(
    r"[ \t]+(?!(?:from|import|return|raise|for|if|while|with|def|class|at|in) )"
    r"(?:[\w'%,:;.!?/-]+[ \t]+){4,}[\w'%,:;.!?/-]+[ \t]*$"
)
_OF_CODE = later(r"[{}<>=\\]")
_CHARACTER = later(r"[一-鿿]")
FEWEST_CHARACTERS = 4
_COLUMNS = later(r"\S[ \t]{2,}\S|\b\w+[:.]\w+[:.]\w+|^[ \t]*[\d.]+[ \t]+\d")
# A line that was broken: a long one, or one that goes on in small letters.
_QUOTE_MARK = later(r"^[ \t]*(?:>[ \t]?)+", re.MULTILINE)
# Empty lines say nothing, and a search for a line that begins with blanks tries each of them.
_EMPTY_LINES = later(r"\n[^\S\n]*(?:\n[^\S\n]*)+\n")
_LONG = 60
_GOES_ON = later(rf"(?<=[a-z,;0-9一-鿿])\n[ \t]*(?=[a-z0-9一-鿿])|(?<=[^\n]{{{_LONG}}})\n[ \t]*(?=\S)")


def plain(text: str) -> str:
    """Return the text in simplified Chinese and narrow characters, without colours, mark-up and runs of empty lines."""
    if "\x1b" in text or "[0m" in text:
        text = _ANSI.sub("", text)
    if "&" in text:
        text = _ENTITY.sub(lambda match: html.unescape(match[0]), text)
    if "<" in text:
        text = _TAG.sub(" ", _BLOCK.sub("", text))
    text = _EMPTY_LINES.sub("\n\n", text.replace("**", ""))
    simple = text.translate(_SIMPLER)
    if simple != text:
        for there, here in _WORDS.items():
            simple = simple.replace(there, here)
    return simple.translate(_NARROW)


def joined(text: str) -> str:
    """Return the text with broken lines joined, and without the ">" of quoted mails."""
    return _GOES_ON.sub(" ", "\n".join(map(str.rstrip, _QUOTE_MARK.sub("", text).split("\n"))))


def prose(text: str) -> str:
    """Return only the lines that a person wrote, without outputs of programs."""
    return "\n".join(line for line in text.splitlines() if not _PRINTED.match(line) or _is_sentence(line))


def _is_sentence(line: str) -> bool:
    if _INDENTED.match(line) is None or _COLUMNS.search(line) is not None or _OF_CODE.search(line) is not None:
        return False
    return _SENTENCE.match(line) is not None or len(_CHARACTER.findall(line)) >= FEWEST_CHARACTERS
