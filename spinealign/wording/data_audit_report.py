"""Headings and notes of an audit's report."""

COUNT_FILES = "{count:,} files, taken for:"
NO_PART, NO_CLASS = "no split", "no class"
COUNTS_TITLE = "Files, pictures, groups, patients"
COUNT_HEADINGS = ("Part", "Class", "", "Files", "Pictures", "Groups", "Patients named")
COUNTS_NOTE = (
    "A picture counts once however many prepared copies of it there are. A group is what hangs "
    "together by patient, series, copies or neighbouring slices, and belongs on one side."
)
FINDINGS_TITLE = "What was found"
NOTHING_FOUND = "Nothing that raises a doubt."
PAIRS_TITLE = "Pairs"
PAIRS_NOTE = (
    "Proposed by a perceptual hash and by local features, then laid over each other; fine detail "
    "of two patients correlates by less than 0.4, of copies by more than 0.9. Pairs across parts "
    "come first."
)
SHORTCUTS_TITLE = "Can the class be told by what should not tell it?"
SHORTCUTS_NOTE = (
    "Each learner is asked about files of other groups than those it learned from: {count:,} "
    "{units}. The line in the middle is chance. The last column is what it tells rightly of "
    "“val” and “test” after learning on “train”. A learner that does well here shows what a "
    "network may learn instead of the disease; thumbnails and body level may also show the "
    "disease itself. Where nothing was told wrongly, the interval is the exact bound for as many "
    "pairs of groups that share none (Clopper & Pearson 1934)."
)
NO_INTERVAL = "no interval"
SHORTCUT_HEADINGS = ("By", "Class", "", "AUC (95 % interval)", "Held-out part")
MEANS_CAPTION = "The mean picture of each class: {labels}"
EXAMPLES_CAPTION = "Told most surely by {title}: first “{label}”, then others ({names})"
FILES_TITLE = "Broken and odd files"
FILE_HEADINGS = ("File", "What is odd")
MORE_FILES = "{count:,} more are in audit.json."
LIMITS_TITLE = "What this audit cannot know"
KNOWN_PATIENTS = "For {share:.0%} of the files something tells whose picture it is."
LIMITS = (
    "Patients are told apart by lists, DICOM identifiers, folders and file names, and joined "
    "where pixels show the same picture. A list is believed; what speaks against it is a doubt. "
    "Two different pictures of one patient with unrelated names stay unnoticed. An audit that "
    "finds nothing does not prove that labels are right."
)
