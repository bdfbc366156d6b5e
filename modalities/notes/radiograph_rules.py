"""Productions of a chest radiograph report: what a projection shows, by side and zone, hedged."""

from __future__ import annotations

from modalities.notes.grammar import Alternative as Alt
from modalities.notes.sections import HEADER

RULES: dict[str, tuple[Alt, ...]] = {
    **{
        name: HEADER[name]
        for name in (
            "person",
            "habit",
            "disease",
            "history",
            "reason",
            "assess",
            "assess_on",
            "local_therapy",
        )
    },
    "patient": (Alt("{age}-year-old <person>", "", 2), Alt("<person> aged {age}")),
    "title": (
        Alt("CHEST RADIOGRAPH, PA AND LATERAL, {date}", "", 2),
        Alt("EXAMINATION: Chest radiograph, PA and lateral views, {date}"),
        Alt("CHEST X-RAY\nDate: {date}", "spelling=uk"),
        Alt("XR CHEST 2 VIEWS\nDATE: {date}", "spelling=us"),
    ),
    "technique": (
        Alt("PA and left lateral views", "", 2),
        Alt("two views of the chest", "style=prose"),
        Alt("PA and lateral", "style=terse"),
    ),
    "comparison": (
        Alt("none", "!followup"),
        Alt("no previous radiograph", "!followup style=prose"),
        Alt("chest radiograph of {prior_date}", "followup", 2),
        Alt("previous radiograph, {prior_date}", "followup"),
    ),
    "zone": (
        Alt("[zone [side {side}] {zone} zone]", "spelling=uk", 2),
        Alt("[zone [side {side}] {zone} lung zone]", "spelling=us", 2),
        Alt("[zone [side {side}] {zone} lung]", "spelling=us"),
    ),
    "where": (
        Alt("in the <zone>", "", 2),
        Alt("projected over the <zone>"),
    ),
    "noun": (
        Alt("[finding opacity]", "", 2),
        Alt("[finding rounded opacity]", "!big"),
        Alt("[finding mass]", "big", 2),
        Alt("[finding nodular opacity]", "!big"),
    ),
    "about": (Alt("approximately"), Alt("about")),
    "opacity": (
        Alt(
            "there is @a <another> <noun> <where>, [size <about> {size} cm]<then>",
            "style=prose !change",
            2,
        ),
        Alt(
            "@a <another> <noun> of [size <about> {size} cm] is seen <where><then>",
            "style=prose !change",
        ),
        Alt("<another> <noun> <where>, [size <about> {size} cm]<then>", "style=terse !change"),
        Alt(
            "there is a [change new] <noun> <where>, [size <about> {size} cm]",
            "style=prose change=new",
        ),
        Alt("[change new] <noun> <where>, [size <about> {size} cm]", "style=terse change=new"),
        Alt(
            "the <noun> <where> appears [change <way>], now [size <about> {size} cm]",
            "style=prose change=larger|smaller",
            2,
        ),
        Alt(
            "<noun> <where>, [change <way>], now [size <about> {size} cm]",
            "style=terse change=larger|smaller",
        ),
        Alt(
            "the <noun> <where>, [size <about> {size} cm], is [change <same>]",
            "style=prose change=stable",
            2,
        ),
        Alt(
            "<noun> <where>, [size <about> {size} cm], [change <same>]", "style=terse change=stable"
        ),
    ),
    "another": (Alt("further", "again"), Alt("", "!again")),
    "then": (
        Alt("", "!late"),
        Alt(", not seen on the previous radiograph", "late"),
    ),
    "way": (
        Alt("larger", "change=larger", 2),
        Alt("increased in size", "change=larger"),
        Alt("smaller", "change=smaller", 2),
        Alt("decreased in size", "change=smaller"),
    ),
    "same": (
        Alt("not clearly changed", "", 2),
        Alt("without clear change", "style=terse"),
        Alt("similar to the previous radiograph", "style=prose"),
    ),
    "gone": (
        Alt(
            "after resection the [finding opacity] <where> is [change no longer visible]",
            "resected",
        ),
        Alt(
            "the previously seen [finding opacity] <where> is [change no longer clearly visible]",
            "!resected",
            2,
        ),
        Alt(
            "the [finding opacity] <where> on the previous radiograph is "
            "[change no longer clearly seen]",
            "!resected",
        ),
    ),
    "more": (Alt("further smaller opacities are present"), Alt("several further opacities")),
    "nothing": (
        Alt("[negation no] [finding focal lung opacity]<visible>", "!wet", 2),
        Alt("[negation no] [finding lung mass]<visible>", "", 2),
        Alt(
            "[negation no] discrete [finding lung mass] is visible; small nodules may not be shown "
            "by a radiograph",
            "",
        ),
        Alt(
            "[negation no] discrete [finding lung mass]<visible>; CT is more sensitive for small "
            "nodules",
            "",
        ),
    ),
    "visible": (
        Alt("", "style=terse"),
        Alt(" is seen", "style=prose"),
        Alt(" is visible", "style=prose"),
    ),
    "effusion": (
        Alt(
            "<fresh> blunting of the [side {side}] costophrenic angle, in keeping with a "
            "[finding pleural effusion]",
            "",
            2,
        ),
        Alt("<fresh> [finding [side {side}] pleural effusion]", "", 2),
        Alt("<fresh> [finding [side {side}]-sided pleural effusion]"),
    ),
    "fresh": (
        Alt("[change new]", "change=new"),
        Alt("[change persistent]", "change=stable"),
        Alt("", "!change"),
    ),
    "obscured": (
        Alt("the [obscured [side {side}] base] is obscured by the effusion", "", 2),
        Alt("the [obscured [side {side}] lower zone] is partly obscured by fluid"),
    ),
    "clear": (
        Alt("[negation no] [finding pleural effusion]", "", 3),
        Alt("[negation the costophrenic angles are clear]"),
    ),
    "air": (Alt("[negation no] [finding pneumothorax]"),),
    "cleared": (
        Alt("the [finding [side {side}] pleural effusion] has [change cleared]", "", 2),
        Alt("the [finding [side {side}] pleural effusion] is [change no longer visible]"),
    ),
    "main": (
        Alt("<noun> <where><hedge>", "", 2),
        Alt("<noun> <where>, [size <about> {size} cm]<hedge>"),
    ),
    "hedge": (
        Alt(", likely the known tumo<u>r", "known", 2),
        Alt("", "known"),
        Alt("", "!known"),
    ),
    "u": (Alt("u", "spelling=uk"), Alt("", "spelling=us")),
    "refer": (
        Alt("see the CT of the same day for extent", "main", 2),
        Alt("please refer to the CT of the same day"),
        Alt("CT of the same day is reported separately"),
    ),
}
