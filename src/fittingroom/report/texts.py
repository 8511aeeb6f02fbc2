"""Words of the report in English and Russian."""

from __future__ import annotations

from collections.abc import Mapping

LANGUAGES = ("en", "ru")

_TEXTS: Mapping[str, tuple[str, str]] = {
    "title": ("Virtual try-on: a comparison", "Виртуальная примерка: сравнение методов"),
    "subtitle": ("{methods} on {dataset}", "{methods} на наборе {dataset}"),
    "contents": ("Contents", "Содержание"),
    "summary": ("Summary", "Главное"),
    "results": ("Results", "Результаты"),
    "charts": ("Charts", "Графики"),
    "gallery": ("Gallery", "Галерея"),
    "extremes": ("Best and worst", "Лучшие и худшие"),
    "cost": ("Time, memory, hardware", "Время, память, оборудование"),
    "requirements": ("What each method needs", "Что нужно каждому методу"),
    "theory": ("Theory", "Теория"),
    "conclusions": ("Conclusions", "Выводы"),
    "protocol": ("How the numbers came to be", "Как получены числа"),
    "environment": ("Environment", "Окружение"),
    "paired": ("Paired", "Парный режим"),
    "unpaired": ("Unpaired", "Непарный режим"),
    "paired_text": (
        "The person puts on the garment that the photo already shows, so the photo is the true picture.",
        "Человек «надевает» одежду, которая уже есть на фотографии, поэтому истинный снимок известен.",
    ),
    "unpaired_text": ("Another garment is put on.", "Надевается другая одежда."),
    "unpaired_truth": (
        "This dataset brings the true picture of unpaired try-on too, so comparisons with it are reported here as well.",
        "В этом наборе истинный снимок есть и для непарного режима, поэтому сравнения с ним приведены и здесь.",
    ),
    "method": ("Method", "Метод"),
    "person": ("Person", "Человек"),
    "garment": ("Garment", "Одежда"),
    "truth": ("True picture", "Истинный снимок"),
    "lower": ("lower is better", "меньше — лучше"),
    "higher": ("higher is better", "больше — лучше"),
    "seconds_axis": ("seconds per picture (p50, logarithmic)", "секунд на снимок (медиана, логарифмическая шкала)"),
    "figure": ("Figure", "Рисунок"),
    "table": ("Table", "Таблица"),
    "bars_caption": (
        "Main metrics, {setting}. Whiskers are 95 % intervals; for distances between sets they hold at this number of pictures.",
        "Основные метрики, {setting}. Усы — 95-процентные доверительные интервалы; для расстояний между наборами они верны при этом числе снимков.",
    ),
    "time_caption": ("Quality against time, {setting}.", "Качество и время, {setting}."),
    "results_caption": (
        "Means over pictures with 95 % bootstrap intervals, {setting}. A mark ● stands where a difference between methods was shown "
        "(Wilcoxon, Holm-corrected, p < 0.05) and no other method was shown to be better. Small letters lead to the protocol.",
        "Средние по снимкам с 95-процентными бутстреп-интервалами, {setting}. Знак ● стоит там, где различие методов показано "
        "(критерий Уилкоксона с поправкой Холма, p < 0,05) и ни один метод не показан лучшим. Мелкие буквы ведут к протоколу.",
    ),
    "gallery_text": (
        "The first {shown} of {all} pairs. Every picture opens larger; under the pointer it says its seed.",
        "Первые {shown} из {all} пар. Каждый снимок открывается крупнее; при наведении виден его seed.",
    ),
    "best": ("best", "лучшие"),
    "worst": ("worst", "худшие"),
    "extremes_text": ("By {metric}, for each method.", "По метрике {metric}, для каждого метода."),
    "no_picture": ("no picture", "снимка нет"),
    "device": ("Device", "Устройство"),
    "pictures": ("Pictures", "Снимков"),
    "prepare": ("Preparing, s (p50 / p95)", "Подготовка, с (p50 / p95)"),
    "generate": ("Making, s (p50 / p95)", "Создание, с (p50 / p95)"),
    "total": ("Together, s (p50 / p95)", "Всего, с (p50 / p95)"),
    "peak": ("Peak memory, MB", "Пик памяти, МБ"),
    "per_hour": ("Pictures an hour", "Снимков в час"),
    "cost_caption": (
        "Cost of one picture. On a processor the peak is that of the whole process, with libraries; on a GPU that of its own memory.",
        "Цена одного снимка. На процессоре пик — вся память процесса вместе с библиотеками, на видеокарте — только её память.",
    ),
    "hardware_caption": ("The machine that these numbers were measured on.", "Машина, на которой получены эти числа."),
    "cpu": ("Processor", "Процессор"),
    "cores": ("Cores", "Ядер"),
    "ram_gb": ("Memory, GB", "Память, ГБ"),
    "gpu": ("GPU", "Видеокарта"),
    "none": ("none", "нет"),
    "platform": ("System", "Система"),
    "python": ("Python", "Python"),
    "libraries": ("Libraries", "Библиотеки"),
    "family": ("Kind", "Вид"),
    "size": ("Working size", "Рабочий размер"),
    "own_size": ("the photo's own", "размер фотографии"),
    "categories": ("Garments", "Одежда"),
    "upper": ("upper", "верх"),
    "lower_body": ("lower", "низ"),
    "dress": ("dress", "платье"),
    "licence_code": ("Licence of the code", "Лицензия кода"),
    "licence_weights": ("Licence of the weights", "Лицензия весов"),
    "training_pairs": ("Training", "Обучение"),
    "paired_training": ("needs garments photographed alone and worn", "нужны пары «одежда отдельно — одежда на человеке»"),
    "unpaired_training": ("needs no pairs", "пары не нужны"),
    "untrained": ("none", "не обучается"),
    "needed": ("needed", "нужно"),
    "used": ("used where given", "используется, если есть"),
    "requirements_caption": ("Conditions and terms of each method.", "Условия и лицензии методов."),
    "loss": ("Term", "Слагаемое"),
    "weight": ("Weight", "Вес"),
    "source": ("Source", "Источник"),
    "limits": ("Limits", "Ограничения"),
    "data_needs": ("Data", "Данные"),
    "objective": ("What is minimised", "Что минимизируется"),
    "unknown_method": ("The package of this method is not installed here; its card cannot be shown.", "Пакет этого метода здесь не установлен, карточки нет."),
    "protocol_text": (
        "Values of different protocols are never put into one column. A protocol is everything besides the pictures that a value depends on.",
        "Значения разных протоколов никогда не стоят в одном столбце. Протокол — всё, от чего зависит значение, кроме самих снимков.",
    ),
    "metric": ("Metric", "Метрика"),
    "value": ("Value", "Значение"),
    "meaning": ("What it measures", "Что измеряет"),
    "settings": ("Protocol", "Протокол"),
    "tests_caption": ("Paired tests between methods.", "Парные сравнения методов."),
    "difference": ("Mean difference", "Средняя разность"),
    "notes": ("Notes", "Примечания"),
    "seed": ("seed", "seed"),
    "close": ("Close", "Закрыть"),
    "made_with": ("Made with fittingroom {version}.", "Создано программой fittingroom {version}."),
    "try_on_note": ("These pictures show try-on results; what they show did not happen.", "Снимки показывают результаты примерки; изображённого на них не было."),
}  # fmt: skip


def say(key: str, language: str, **values: object) -> str:
    """The text called ``key`` in a language, with values put in."""
    return _TEXTS[key][LANGUAGES.index(language)].format(**values)


def text_keys() -> tuple[str, ...]:
    """All keys."""
    return tuple(_TEXTS)


def decimal(text: str, language: str) -> str:
    """A number as text, with a decimal comma in Russian."""
    return text.replace(".", ",") if language == "ru" else text


def category_name(category: str, language: str) -> str:
    """A garment category in words."""
    return say("lower_body" if category == "lower" else category, language)
