"""Who is in the demo? An invented firm in Osaka, eight technicians, and what awaits each of them on the day.

Streets and positions are real places, every person, firm and house number is invented, and no number can be dialled.
"""

from __future__ import annotations

from dataclasses import dataclass

COMPANY = {
    "name": "なにわPCサポート",
    "short_name": "なにわPC",
    "phone": "+81660000120",
    "phone_hours": "8:00〜21:00",
    "sender_role": "配車担当",
    "sender_name": "小林",
}

#: Services: key → name in Japanese, name in English, usual minutes, the skill it takes.
SERVICES = {
    "wifi": ("Wi-Fi設定", "Wi-Fi setup", 60, "Wi-Fi"),
    "pc": ("パソコン修理", "PC repair", 60, "PC"),
    "printer": ("プリンター設定", "Printer setup", 45, "PC"),
    "network": ("社内ネットワーク点検", "Office network check", 75, "LAN"),
    "data": ("データ移行", "Data transfer", 90, "PC"),
}


@dataclass(frozen=True, slots=True)
class Trouble:
    """What goes wrong on the way to a stop: `jam` stands half-way, `creep` takes the last `metres` at a crawl,
    `tunnel` hides the positions until it ends, `dead` is a phone without power; all for `minutes`."""

    kind: str
    minutes: int
    metres: int = 0


@dataclass(frozen=True, slots=True)
class Stop:
    """One visit of the day: who, where, what was promised (`HH:MM`, the end empty for a single moment), how long the
    work is planned and how long it takes, how early the technician would be there, and what goes wrong on the way."""

    customer: str
    language: str
    address: str
    lat: float
    lon: float
    service: str
    promised_from: str
    promised_until: str = ""
    takes_min: int = 0
    early_min: int = 8
    trouble: Trouble | None = None
    #: What she does a while after being told: call_me, cannot_be_there, acknowledged, or nothing.
    answers: str = ""
    kind: str = "individual"
    by_mail: bool = False
    #: The technician says so many minutes before the promise that it will be so many minutes later.
    reports: tuple[int, int] | None = None
    #: Nobody opens the door.
    nobody_in: bool = False

    @property
    def plan_min(self) -> int:
        """The planned minutes of work."""
        return SERVICES[self.service][2]


@dataclass(frozen=True, slots=True)
class Person:
    """One technician: name, where the day starts, pace against the usual one, and how often a tap is forgotten."""

    name: str
    base_lat: float
    base_lon: float
    stops: tuple[Stop, ...]
    pace: float = 1.0
    forgets: float = 0.06
    skills: tuple[str, ...] = ("Wi-Fi", "PC", "LAN")


PEOPLE = (
    Person(
        "佐藤 健一", 34.6652, 135.5205,
        (
            Stop("山本 久子", "ja", "大阪市天王寺区上汐3丁目4-18", 34.6625, 135.5178, "wifi", "09:30"),
            Stop("有限会社みどり印刷", "ja", "大阪市天王寺区真法院町11-6", 34.6570, 135.5222, "printer", "11:00",
                 "11:30", kind="corporate"),
            Stop("井上 正男", "ja", "大阪市阿倍野区阿倍野筋4丁目9-21", 34.6400, 135.5115, "pc", "13:00", "14:00"),
            Stop("Grace Miller", "en", "大阪市生野区勝山北1丁目7-3", 34.6560, 135.5290, "wifi", "14:45", takes_min=55),
            # The story this product began with: half an hour in hand, and then an hour for the last 200 metres.
            Stop("山田 花子", "ja", "大阪市住吉区長居東3丁目12-8", 34.6105, 135.5200, "wifi", "17:00", early_min=30,
                 trouble=Trouble("creep", 60, 200), answers="acknowledged"),
        ),
        forgets=0.0,
    ),
    Person(
        "鈴木 大輔", 34.7068, 135.5050,
        (
            Stop("木村 たけし", "ja", "大阪市北区天神橋4丁目8-14", 34.7053, 135.5118, "pc", "09:30"),
            Stop("岡田 文子", "ja", "大阪市北区豊崎3丁目15-2", 34.7115, 135.5010, "wifi", "11:00", "11:30"),
            Stop("株式会社さくら会計", "ja", "大阪市福島区福島5丁目10-7", 34.6960, 135.4862, "network", "13:00",
                 kind="corporate"),
            Stop("大西 義雄", "ja", "大阪市福島区野田3丁目6-11", 34.6890, 135.4745, "wifi", "15:00", takes_min=128),
            Stop("藤本 真由美", "ja", "大阪市此花区西九条3丁目2-19", 34.6835, 135.4680, "data", "16:35",
                 answers="call_me"),
            # Late because of the two before, and a colleague who is done by six could be there in time.
            Stop("松井 浩二", "ja", "大阪市浪速区桜川3丁目21-5", 34.6655, 135.4850, "printer", "18:15", "18:30"),
        ),
    ),
    Person(
        "高橋 誠", 34.7205, 135.4822,
        (
            Stop("橋本 典子", "ja", "大阪市淀川区十三東2丁目7-16", 34.7198, 135.4878, "wifi", "09:15"),
            Stop("北摂デンタルクリニック", "ja", "大阪市淀川区西中島5丁目3-9", 34.7295, 135.5000, "network", "10:45",
                 kind="corporate", trouble=Trouble("jam", 32), answers="call_me", by_mail=True),
            Stop("Daniel Wright", "en", "大阪市東淀川区東中島1丁目18-4", 34.7300, 135.5060, "pc", "13:15", "14:15"),
            Stop("清水 昭", "ja", "大阪市東淀川区菅原5丁目9-12", 34.7370, 135.5275, "printer", "15:15"),
            Stop("西川 美保", "ja", "大阪市淀川区三国本町2丁目14-6", 34.7370, 135.4855, "wifi", "16:50", "17:20",
                 trouble=Trouble("jam", 13)),
            Stop("前田 一郎", "ja", "大阪市淀川区塚本3丁目5-20", 34.7143, 135.4690, "pc", "18:30", "19:00"),
        ),
        pace=1.05,
    ),
    Person(
        "田中 由美", 34.7015, 135.5280,
        (
            Stop("小川 千代", "ja", "大阪市都島区都島本通3丁目11-8", 34.7085, 135.5270, "wifi", "09:30", "10:00"),
            Stop("後藤 敏夫", "ja", "大阪市都島区東野田町4丁目6-17", 34.6965, 135.5330, "pc", "11:15"),
            Stop("城東文具店", "ja", "大阪市城東区今福西2丁目8-3", 34.6935, 135.5455, "printer", "13:00", "13:30",
                 kind="corporate"),
            Stop("長谷川 恵", "ja", "大阪市旭区千林2丁目12-10", 34.7215, 135.5440, "data", "14:30"),
            Stop("近藤 弘", "ja", "大阪市旭区今市1丁目4-15", 34.7290, 135.5440, "wifi", "16:45", "17:15"),
            Stop("Sophie Martin", "en", "大阪市城東区関目5丁目9-2", 34.7140, 135.5470, "pc", "18:15"),
        ),
        forgets=1.0,
    ),
    Person(
        "伊藤 翔", 34.6836, 135.4990,
        (
            Stop("本町法律事務所", "ja", "大阪市中央区本町4丁目2-11", 34.6840, 135.4985, "network", "09:00",
                 kind="corporate"),
            Stop("石井 佳代", "ja", "大阪市中央区谷町6丁目13-7", 34.6745, 135.5170, "wifi", "11:00", "11:30"),
            Stop("Liam O'Connor", "en", "大阪市浪速区敷津西1丁目8-14", 34.6555, 135.4975, "pc", "13:00"),
            Stop("上田 博之", "ja", "大阪市浪速区日本橋5丁目17-9", 34.6575, 135.5060, "pc", "14:45", "15:15",
                 nobody_in=True),
            Stop("太田 明美", "ja", "大阪市西成区天下茶屋2丁目6-18", 34.6375, 135.4980, "wifi", "16:55", "17:10",
                 trouble=Trouble("tunnel", 11), early_min=3),
        ),
    ),
    Person(
        "渡辺 直樹", 34.6640, 135.4607,
        (
            Stop("河合 信子", "ja", "大阪市港区磯路2丁目9-13", 34.6655, 135.4625, "wifi", "09:30"),
            Stop("港湾荷役サービス株式会社", "ja", "大阪市港区築港3丁目4-6", 34.6575, 135.4345, "network", "11:00",
                 kind="corporate", by_mail=True),
            Stop("坂本 隆", "ja", "大阪市港区弁天5丁目7-2", 34.6690, 135.4650, "pc", "13:30", "14:00"),
            Stop("内田 さやか", "ja", "大阪市港区築港2丁目11-16", 34.6560, 135.4360, "wifi", "15:00",
                 takes_min=65),
            Stop("原田 勇", "ja", "大阪市大正区泉尾4丁目15-8", 34.6510, 135.4740, "pc", "16:50",
                 trouble=Trouble("dead", 55), early_min=4, answers="call_me"),
            Stop("Emily Carter", "en", "大阪市西区千代崎2丁目3-12", 34.6695, 135.4805, "printer", "18:30"),
        ),
        forgets=0.0,
    ),
    Person(
        "山本 さくら", 34.6701, 135.5412,
        (
            Stop("増田 敬子", "ja", "大阪市東成区大今里2丁目8-5", 34.6705, 135.5435, "wifi", "09:30"),
            Stop("東成ふれあい薬局", "ja", "大阪市東成区玉津3丁目6-10", 34.6695, 135.5365, "printer", "11:00",
                 kind="corporate"),
            Stop("小野 正樹", "ja", "大阪市生野区桃谷4丁目12-19", 34.6585, 135.5360, "pc", "13:00"),
            Stop("金子 春江", "ja", "大阪市生野区巽北1丁目5-7", 34.6520, 135.5480, "data", "14:45"),
            Stop("森下 拓也", "ja", "大阪市東成区深江南2丁目9-4", 34.6640, 135.5520, "wifi", "17:10"),
        ),
        forgets=0.0,
    ),
    Person(
        "中村 拓海", 34.6215, 135.5461,
        (
            Stop("高田 勝", "ja", "大阪市平野区平野本町3丁目7-11", 34.6245, 135.5530, "wifi", "09:30"),
            Stop("平野自動車整備", "ja", "大阪市平野区背戸口4丁目2-8", 34.6190, 135.5470, "network", "11:00",
                 kind="corporate", takes_min=135, by_mail=True),
            Stop("Olivia Brown", "en", "大阪市東住吉区駒川5丁目10-3", 34.6265, 135.5325, "pc", "13:00",
                 answers="acknowledged"),
            Stop("野村 光子", "ja", "大阪市東住吉区針中野2丁目6-14", 34.6235, 135.5290, "wifi", "15:00", "15:30",
                 takes_min=62),
            Stop("菊池 健太", "ja", "大阪市住之江区粉浜3丁目8-17", 34.6185, 135.4880, "pc", "17:15",
                 trouble=Trouble("jam", 26), reports=(28, 20), answers="cannot_be_there"),
        ),
        pace=0.95,
    ),
)  # fmt: skip
