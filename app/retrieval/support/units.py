"""Units of measure by their English names and signs, and how one is told in another of the same dimension."""

from types import MappingProxyType

MINUTE = 60.0
HOUR = 3600.0
DAY = 86_400.0

_TOLD: tuple[tuple[str, float, str], ...] = (
    ("euro", 1, "€ euro euros eur"),
    ("dollar", 1, "$ dollar dollars usd"),
    ("pound", 1, "£ pound pounds gbp lb lbs"),
    ("cent", 1, "cent cents"),
    ("percent", 1, "% percent per_cent"),
    ("time", 1, "second seconds sec"),
    ("time", MINUTE, "minute minutes min"),
    ("time", HOUR, "hour hours h"),
    ("time", DAY, "day days working_day working_days business_day business_days"),
    ("time", 7 * DAY, "week weeks"),
    ("month", 1, "month months"),
    ("month", 3, "quarter quarters"),
    ("month", 12, "year years"),
    ("length", 0.001, "mm millimetre millimetres millimeter millimeters"),
    ("length", 0.01, "cm centimetre centimetres centimeter centimeters"),
    ("length", 1, "m metre metres meter meters"),
    ("length", 1000, "km kilometre kilometres kilometer kilometers"),
    ("mile", 1, "mile miles"),
    ("inch", 1, "inch inches"),
    ("foot", 1, "foot feet ft"),
    ("area", 1, "m² m2 square_metre square_metres square_meter square_meters"),
    ("speed", 1, "m/s metre_per_second metres_per_second"),
    ("speed", 1 / 3.6, "km/h"),
    ("weight", 0.001, "g gram grams"),
    ("weight", 1, "kg kilogram kilograms kilo kilos"),
    ("weight", 1000, "t tonne tonnes ton tons"),
    ("volume", 0.001, "ml millilitre millilitres"),
    ("volume", 1, "l litre litres liter liters"),
    ("gallon", 1, "gallon gallons"),
    ("degree", 1, "° °c degree degrees celsius"),
    ("fahrenheit", 1, "°f fahrenheit"),
    ("volt", 1, "v volt volts"),
    ("ampere", 1, "a ampere amperes amps"),
    ("charge", 1, "ah"),
    ("power", 1, "w watt watts"),
    ("power", 1000, "kw kilowatt kilowatts"),
    ("energy", 1, "kwh"),
    ("sound", 1, "db db(a) decibel decibels"),
    ("pressure", 1, "bar"),
    ("frequency", 1, "hz"),
    ("frequency", 1e6, "mhz"),
    ("frequency", 1e9, "ghz"),
    ("data", 1e3, "kb"),
    ("data", 1e6, "mb"),
    ("data", 1e9, "gb"),
)

UNITS = MappingProxyType(
    {name.replace("_", " "): (dimension, factor) for dimension, factor, names in _TOLD for name in names.split()}
)
"""The dimension of each unit, and how many of the dimension's own unit it is."""
MONEY = frozenset({"euro", "dollar", "pound", "cent"})
DURATIONS = frozenset({"time", "month"})
