"""Makes the people of Acme: `python make_data.py` writes the same files into data/ every time.

1,000 people: 941 lines of data/workers.csv and 60 of data/contractors.jsonl, one person standing in both; two more
lines of workers.csv are drafts that HR has not finished. Badges go to data/badges.db.sql, from which `muster init`
makes the database data/badges.db. Today is 2026-11-24 in this company; names are drawn from lists and mean nobody.
"""

import csv
import json
import random
import unicodedata
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

TODAY = date(2026, 11, 24)
WORKERS, CONTRACTORS, LEAVERS, PREHIRES = 941, 60, 25, 12

# Country: cities, given names, family names. A name in another script carries its spelling in the passport.
NAMES: dict[str, tuple[str, str, str]] = {
    "DE": (
        "Berlin Hamburg Köln",
        "Anna Jürgen Käthe Björn Zoë Mehmet Ayşe Lukas Sophie Günther Renée Jonas Ida Matthias Noor Emil Frieda Henrik "
        "Jörg Łucja Till Greta",
        "Müller Groß Schröder Yılmaz Böttcher Weiß Krüger Özdemir Lange Köhler Jäger Winter Vogel Brandt Haas Lorenz "
        "Wójcik Hofmann Kühn Petersen",
    ),
    "FR": (
        "Paris Lyon Nantes",
        "Chloé Benoît Éloïse François Inès Jean-Luc Maëlle Théo Anaïs Gaël Océane Rémi Solène Hélène Noé Amélie Zélie "
        "Loïc Cédric Marie-Ève",
        "D'Aubigné Lefèvre L'Hôpital Garçon Dubois N'Diaye Béranger Moreau Hénault Faÿ Girard Le_Goff Perrin Diallo "
        "Rousseau Clément Vasseur Nguyễn",
    ),
    "IE": (
        "Dublin Cork Galway",
        "Aoife Seán Niamh Ciarán Siobhán Órla Pádraig Éabha Conor Gráinne Liam Róisín Fionn Sadhbh Tadhg Áine",
        "O'Brien O'Connor Ní_Dhomhnaill McCarthy D'Arcy Murphy Ó_Súilleabháin Kelly Byrne FitzGerald O'Neill Walsh "
        "Doyle Mac_Gabhann O'Shea Keane",
    ),
    "GR": (
        "Αθήνα Θεσσαλονίκη",
        "Ελένη/Eleni Γιώργος/Giorgos Μαρία/Maria Νίκος/Nikos Σοφία/Sofia Κώστας/Kostas Άννα/Anna Δημήτρης/Dimitris "
        "Χρήστος/Christos Ζωή/Zoi Ιωάννα/Ioanna Θανάσης/Thanasis",
        "Παπαδόπουλος/Papadopoulos Νικολάου/Nikolaou Γεωργίου/Georgiou Ιωάννου/Ioannou Μακρής/Makris Βλάχος/Vlachos "
        "Οικονόμου/Oikonomou Ξένος/Xenos Αθανασίου/Athanasiou Σταύρου/Stavrou Πετρίδης/Petridis Ρήγας/Rigas",
    ),
    "JP": (
        "東京 大阪",
        "陽菜/Hina 蓮/Ren 結衣/Yui 大翔/Hiroto さくら/Sakura 健太/Kenta 美咲/Misaki 翔太/Shota 葵/Aoi 悠真/Yuma 凛/Rin "
        "直樹/Naoki 千尋/Chihiro 誠/Makoto",
        "佐藤/Sato 鈴木/Suzuki 高橋/Takahashi 田中/Tanaka 渡辺/Watanabe 伊藤/Ito 中村/Nakamura 小林/Kobayashi "
        "加藤/Kato 山本/Yamamoto 松本/Matsumoto 清水/Shimizu",
    ),
}
SHARES = {"DE": 34, "FR": 28, "IE": 18, "GR": 9, "JP": 11}
DEPARTMENTS = {  # department: share of the people, titles
    "Management": (1, "Assistant"),
    "Sales": (16, "Account Manager|Sales Representative"),
    "Marketing": (7, "Campaign Manager|Editor"),
    "Customer Service": (14, "Service Agent"),
    "Finance": (7, "Accountant|Controller"),
    "Legal": (3, "Counsel"),
    "Human Resources": (4, "HR Partner|Recruiter"),
    "IT": (8, "System Engineer|Service Desk Agent"),
    "Engineering": (14, "Engineer|Designer"),
    "Production": (16, "Machine Operator|Shift Planner"),
    "Logistics": (7, "Driver|Warehouse Clerk"),
    "Purchasing": (3, "Buyer"),
}
FIRMS = ["Blue Heron Consulting", "Kestrel Software", "Nordwind Personal", "Atelier Sud"]
CREATE_BADGES = """\
CREATE TABLE badge (
  number TEXT PRIMARY KEY,
  employee_id TEXT,
  issued TEXT NOT NULL
);
"""


@dataclass
class Person:
    """One person, as HR would know them."""

    number: str
    country: str
    city: str
    given: str
    family: str
    born: date
    department: str
    title: str
    first_day: date
    manager: str = ""
    last_day: date | None = None
    status: str = "active"
    mail: str = field(init=False)

    def __post_init__(self) -> None:
        plain = unicodedata.normalize("NFKD", self.passport_given or self.given).encode("ascii", "ignore").decode()
        self.mail = f"{plain}.{self.number}@post.example".lower()

    @property
    def passport_given(self) -> str:
        return self.given.partition("/")[2]

    @property
    def passport_family(self) -> str:
        return self.family.partition("/")[2]


class Company:
    """Draws people, the same ones every time."""

    def __init__(self) -> None:
        self.dice = random.Random(20261124)
        self.workers: list[Person] = []
        self.names: set[tuple[str, str]] = {("Anna", "Müller")}

    def day(self, first: date, last: date) -> date:
        return first + timedelta(days=self.dice.randrange((last - first).days + 1))

    def person(self, number: str, department: str, title: str) -> Person:
        country = self.dice.choices(list(SHARES), list(SHARES.values()))[0]
        cities, given, family = (names.split() for names in NAMES[country])
        name = self.dice.choice(given), self.dice.choice(family)
        while name in self.names:
            name = self.dice.choice(given), self.dice.choice(family)
        self.names.add(name)
        born = self.day(date(1962, 1, 1), date(2005, 12, 31))
        return Person(
            number=number,
            country=country,
            city=self.dice.choice(cities),
            given=name[0],
            family=name[1].replace("_", " "),
            born=born,
            department=department,
            title=title,
            first_day=self.day(max(date(2005, 1, 1), born + timedelta(days=19 * 366)), date(2026, 10, 31)),
        )

    def hire(self) -> None:
        """A chief, a head for each department, a lead for about eight people, and the people."""
        chief = self.person("100001", "Management", "Chief Executive Officer")
        self.workers.append(chief)
        teams: dict[str, list[Person]] = {}
        for department in DEPARTMENTS:
            head = self.person(str(100001 + len(self.workers)), department, f"Head of {department}")
            head.manager = chief.number
            self.workers.append(head)
            teams[department] = [head]
        shares = [share for share, _ in DEPARTMENTS.values()]
        filled = dict.fromkeys(DEPARTMENTS, 0)
        while len(self.workers) < WORKERS:
            department = self.dice.choices(list(DEPARTMENTS), shares)[0]
            number = str(100001 + len(self.workers))
            filled[department] += 1
            if filled[department] % 9 == 0:
                lead = self.person(number, department, "Team Lead")
                lead.manager = teams[department][0].number
                teams[department].append(lead)
                self.workers.append(lead)
                continue
            titles = DEPARTMENTS[department][1].split("|")
            worker = self.person(number, department, self.dice.choice(titles))
            worker.manager = teams[department][-1].number
            self.workers.append(worker)

    def move(self) -> None:
        """Some have left, some are yet to come; nobody who leads."""
        plain = [person for person in self.workers if not person.title.startswith(("Chief", "Head", "Team"))]
        chosen = self.dice.sample(plain, LEAVERS + PREHIRES)
        for person in chosen[:LEAVERS]:
            person.status = "left"
            person.last_day = self.day(max(person.first_day, date(2025, 1, 1)), TODAY - timedelta(days=40))
            if person.last_day < person.first_day:
                person.first_day = person.last_day - timedelta(days=400)
        for person in chosen[LEAVERS:]:
            person.status = "hired"
            person.first_day = self.day(TODAY + timedelta(days=1), TODAY + timedelta(days=60))

    def namesakes(self) -> None:
        """Two people of one name in one department, told apart by nothing but number and birthday."""
        sales = [p for p in self.workers if p.department == "Sales" and p.title == "Account Manager"]
        for person in [p for p in sales if p.status == "active"][:2]:
            person.country, person.city, person.given, person.family = "DE", "Berlin", "Anna", "Müller"
            person.mail = f"anna.{person.number}@post.example"

    def contractors(self) -> list[Person]:
        """People of other firms; the last of them has become a worker meanwhile and stands in both files."""
        found = []
        hosts = [person for person in self.workers if person.title == "Team Lead"]
        for number in range(1, CONTRACTORS + 1):
            host = self.dice.choice(hosts)
            person = self.person(f"C-{number:04}", host.department, self.dice.choice(FIRMS))
            person.manager = host.number
            person.last_day = self.day(date(2026, 12, 15), date(2027, 12, 31))
            found.append(person)
        both = next(p for p in self.workers if p.title == "Engineer" and p.status == "active")
        found[-1].given, found[-1].family, found[-1].born = both.given, both.family, both.born
        found[-1].mail, found[-1].country, found[-1].city = both.mail, both.country, both.city
        return found


def worker_line(p: Person) -> dict[str, object]:
    return {
        "employee_id": p.number,
        "first_name": p.given.partition("/")[0],
        "last_name": p.family.partition("/")[0],
        "passport_first": p.passport_given,
        "passport_last": p.passport_family,
        "private_mail": p.mail,
        "born": p.born,
        "dept": p.department,
        "title": p.title,
        "country": p.country,
        "city": p.city,
        "manager_id": p.manager,
        "first_day": p.first_day,
        "last_day": p.last_day,
        "status": p.status,
    }


def write_workers(workers: list[Person], path: Path) -> None:
    lines = [worker_line(person) for person in workers]
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.DictWriter(file, list(lines[0]), lineterminator="\n")
        out.writeheader()
        out.writerows(lines)
        for number, department in enumerate(("Legal", "IT"), 100001 + len(workers)):
            out.writerow({"employee_id": number, "last_name": "(open)", "dept": department, "status": "draft"})


def write_contractors(contractors: list[Person], path: Path) -> None:
    with path.open("w", encoding="utf-8") as file:
        for p in contractors:
            given, family = p.given.partition("/"), p.family.partition("/")
            line = {
                "id": p.number,
                "given": given[0],
                "family": family[0],
                "passport_given": given[2] or None,
                "passport_family": family[2] or None,
                "email": p.mail.upper() if p.number.endswith("60") else p.mail,
                "birthday": p.born.isoformat(),
                "firm": p.title,
                "department": p.department,
                "country": p.country,
                "host": p.manager,
                "from": p.first_day.isoformat(),
                "until": p.last_day.isoformat() if p.last_day else None,
            }
            kept = {name: value for name, value in line.items() if value is not None}
            file.write(json.dumps(kept, ensure_ascii=False) + "\n")


def write_badges(company: Company, path: Path) -> None:
    """One badge for most workers, two for some, and a few spare ones of nobody."""
    rows = []
    number = 7000
    for person in company.workers:
        if person.status != "active" or company.dice.random() < 0.05:
            continue
        for _ in range(2 if company.dice.random() < 0.02 else 1):
            number += company.dice.randint(1, 9)
            rows.append((f"B{number}", f"'{person.number}'", person.first_day))
    for _ in range(3):
        number += 1
        rows.append((f"B{number}", "NULL", TODAY))
    values = ",\n".join(f"  ('{badge}', {owner}, '{issued}')" for badge, owner, issued in rows)
    path.write_text(f"{CREATE_BADGES}INSERT INTO badge (number, employee_id, issued) VALUES\n{values};\n", "utf-8")


def main(folder: Path) -> None:
    """Write all three files into the folder."""
    company = Company()
    company.hire()
    company.move()
    company.namesakes()
    contractors = company.contractors()
    folder.mkdir(exist_ok=True)
    write_workers(company.workers, folder / "workers.csv")
    write_contractors(contractors, folder / "contractors.jsonl")
    write_badges(company, folder / "badges.db.sql")


if __name__ == "__main__":
    main(Path(__file__).resolve().parent / "data")
