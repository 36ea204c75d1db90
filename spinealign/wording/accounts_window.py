"""Words of the window about accounts: signing in, locking, setting up, passwords."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from spinealign.domain.protection import Right
from spinealign.wording.failures import Message
from spinealign.wording.text import safe_text

if TYPE_CHECKING:
    from spinealign.accounts.book import Account, SystemSignIn

PROGRAM = "SpineAlign"

# Signing in and unlocking

SIGN_IN_TITLE, UNLOCK_TITLE = "Sign in to SpineAlign", "SpineAlign is locked"
SIGN_IN_NOTE = "This computer's archive and readings are encrypted. Choose your account."
USER_TEXT = "Signed in: {name}"
USER_TIP = "What is signed now is signed as this person; “Switch user…” in the File menu changes it"
UNLOCK_NOTE = "Signed in: {name}. What was open stays as it is."
ACCOUNT_LABEL, PASSWORD_LABEL = "&Account", "&Password"
SIGN_IN, UNLOCK = "&Sign in", "&Unlock"
FORGOTTEN, QUIT, SWITCH = "&Forgotten password…", "&Quit", "S&witch user…"
RESTORE_INSTEAD = "Restore a &back-up…"
ACCOUNTS_LOST_NOTE = (
    "Nothing is opened or begun anew meanwhile: readings and images stay encrypted as they are. A "
    "back-up opens with a password of its time, or with the printed recovery key; the archive that "
    "is here is renamed then, and nothing of it is deleted."
)
AS_SYSTEM_USER = "Sign in as {name} (&this computer's account)"
UNLOCK_AS_SYSTEM_USER = "Unlock as {name} (&this computer's account)"
SIGNING_IN = "Signing in…"
CAPS_LOCK = "Caps Lock is on."
CHECKING = "Checking the password…"
TYPE_PASSWORD, CHOOSE_ACCOUNT = "Type the password", "Choose an account"
COVERED = "SpineAlign is locked"
CONFIRM_TITLE, CONFIRM = "Sign with your password", "&Sign"
CONFIRM_NOTE = "You sign as {name}. Type your password once more."

SWITCH_TITLE = "Switch user"
SWITCH_QUESTION = (
    "Images are being analysed.",
    "To switch the user, the analyses are stopped and all cases are closed.",
)
SWITCH_NOW, STAY = "&Stop and switch", "Stay signed &in"

# Passwords

NEW_PASSWORD, NEW_PASSWORD_AGAIN = "&New password", "New password &again"
OLD_PASSWORD = "&Present password"
PASSWORD_RULE = (
    "At least 8 letters or signs of any kind; a few words in a row are strong and easy to keep in "
    "mind. Not the name of the account, and none of the first that anybody would try."
)
PASSWORDS_DIFFER = "The two passwords differ."
CHANGE_TITLE, CHANGE_PASSWORD = "Change password", "&Change password"
CHANGE_AT_FIRST = (
    "Your password was given by an administrator, who knows it. Choose one that only you know "
    "before you go on."
)
CHANGED_PASSWORD = "The password is changed."
SETTING_PASSWORD = "Setting the password…"

# The recovery key

RECOVER_TITLE = "Forgotten password"
RECOVER_NOTE = (
    "With the printed recovery key an account gets a new password. Without it an administrator "
    "can set one; who has neither cannot be helped."
)
RECOVERY_KEY_LABEL = "&Recovery key"
RECOVER = "&Set the new password"
TYPE_RECOVERY_KEY = "Type the recovery key as it is printed"

RECOVERY_TITLE = "Recovery key"
RECOVERY_NOTE = (
    "This key opens the archive when all passwords are forgotten, and a back-up on another "
    "computer. It is shown this once and kept nowhere. Print it, and lock it away from this "
    "computer."
)
PRINT, KEPT_IT, GO_ON = "&Print…", "I have &kept it", "&Go on"
NOT_KEPT_YET = "Tick that the key is kept"
RECOVERY_PRINT_TITLE = "SpineAlign: recovery key of the archive"
RECOVERY_PRINT_NOTE = (
    "Whoever has this sheet can give any account a new password. Lock it away. In SpineAlign: "
    "Sign in, Forgotten password. On the command line: spinealign accounts recover NAME. On "
    "another computer, with the disk of back-ups: File, Archive, Restore a back-up. On the command "
    "line: spinealign archive restore FOLDER --user NAME --recovery-key."
)

# The first account

SET_UP_TITLE = "Set up accounts"
SET_UP_EXPLANATION = (
    "With accounts, whoever works here signs in with a name and a password. Readings, and what is "
    "put into the archive, are encrypted on this computer and open for these accounts only. The "
    "program locks itself when nobody is at it, and an audit trail records who did what."
)
SET_UP_LIMITS = (
    "Images that lie in folders of this computer stay where they are, and are not encrypted. "
    "Readings made so far are taken over. All cases are closed first. Accounts cannot be switched "
    "off again from the window."
)
SET_UP_FIRST = (
    "The first account is an administrator and a reader. It adds the others: File, Accounts and "
    "lock."
)
SET_UP_WAYS = ("&Accounts: each person signs in", "No accounts, only &encryption on this computer")
SET_UP_NAME, SET_UP_FULL_NAME = "&Name to sign in with", "&Full name, under signatures"
NAME_RULE = "Letters, digits, or . @ + - _ without spaces."
BACK, NEXT, SET_UP_NOW, CANCEL = "&Back", "&Next", "&Set up", "Cancel"
SETTING_UP = "The keys are made and the archive is set up…"
NAME_MISSING, FULL_NAME_MISSING = "Type a name", "Type the full name"
SET_UP_DONE = "Accounts are set up; you are signed in as {name}."

# Without accounts

KEY_STORE_TITLE = "Encryption"  # a longer one is cut in the frame of so narrow a window
KEY_STORE_NAME = "Encryption without accounts"
KEY_STORE_IS_ON = "It is on: readings on this computer are encrypted."
KEY_STORE_IS_OFF = "It is off: readings on this computer are not encrypted."
KEY_STORE_WAS_OFF = (
    "It was turned off: readings are not encrypted. What is in the archive opens again when it is "
    "turned on."
)
KEY_STORE_EXPLANATION = (
    "The program opens for whoever is signed in to this computer as you, and nobody types a "
    "password in it. The key lies in the key store of the system, which your sign-in opens."
)
KEY_STORE_ENCRYPTED = (
    "Encrypted are readings with all their versions, corrections that do not lie beside their "
    "image, and what you keep in the archive: images, results, notes."
)
KEY_STORE_NOT_ENCRYPTED = (
    "Not encrypted are images in your folders and corrections beside them, names of recent files, "
    "what was received from nodes or waits to be sent, and what you export."
)
KEY_STORE_LIMITS = (
    "It keeps readings from who takes the disk, as far as your password of the system is strong; "
    "not from who sits at this computer while you are signed in, nor from programs that run as "
    "you. Nobody has a role, nothing locks, and back-ups cannot be made: accounts do all that."
)
KEY_STORE_LOSS = (
    "Where the system loses its key store, as when it is set up anew, what is encrypted is lost "
    "for good: there is no recovery key. Accounts have one."
)
TURN_ON, TURN_OFF, CLOSE = "&Turn on", "&Turn off…", "&Close"
TURN_OFF_QUESTION = (
    KEY_STORE_TITLE,
    "Turn encryption off?",
    "All cases are closed. Readings and corrections are written into the profile unencrypted. What "
    "is in the archive stays there, encrypted, and cannot be opened until it is turned on again.",
    "&Turn off",
    "&Leave it on",
)
STAYS_ENCRYPTED = "the profile has others of their names, or they cannot be read."
TURNED_ON = "Encryption is on: readings are encrypted, and cases can be kept in the archive."
TRY_AGAIN, GO_ON_WITHOUT = "&Try again", "&Go on without it"
GO_ON_WITHOUT_NOTE = (
    "To go on without it turns encryption off: readings made so far, and the archive, cannot be "
    "seen until it is turned on again with the same key, and new readings are not encrypted."
)

# Reasons why commands are not offered

NO_ACCOUNTS = "There are no accounts: set up the first one"
ARE_ACCOUNTS = "There are accounts already"
NOT_ADMINISTRATOR = "Your account is no administrator"
NOT_SIGNED_IN = "Nobody is signed in"
NOT_ALLOWED_WORDS: Mapping[Right, str] = MappingProxyType(
    {
        Right.VIEW: NOT_SIGNED_IN,
        Right.CHANGE: "Your account may look only: a reader changes",
        Right.SIGN: "Your account does not sign: a reader does",
        Right.IMPORT: "Your account takes in no images: a reader or administrator does",
        Right.EXPORT: "Your account passes nothing on: a reader or administrator does",
        Right.DELETE: "Your account deletes nothing: an administrator does",
        Right.BACK_UP: "Your account makes no back-ups: an administrator does",
        Right.MANAGE_ACCOUNTS: NOT_ADMINISTRATOR,
        Right.READ_AUDIT_TRAIL: NOT_ADMINISTRATOR,
        Right.CHANGE_MODELS: "Your account changes no models: an administrator does",
    }
)
SIGNS_AS = "Signed as your account; the name is that of the account."


def account_choice(name: str, full_name: str) -> str:
    """Return an account in the list of the sign-in: its full name, and its name."""
    return f"{safe_text(full_name)} ({name})" if full_name else name


def system_sign_in_choice(account: Account) -> str:
    """Return on a button who signs in without a password; no letter of a name is its key."""
    return AS_SYSTEM_USER.format(name=_on_button(account.full_name or account.name))


def unlock_choice(name: str, full_name: str) -> str:
    """Return on a button who unlocks without a password; no letter of a name is its key."""
    return UNLOCK_AS_SYSTEM_USER.format(name=_on_button(full_name or name))


def _on_button(name: str) -> str:
    return safe_text(name).replace("&", "&&")


def system_user_words(allowed: SystemSignIn | None) -> str:
    """Return in the list of accounts as which user of the system one signs in, and when."""
    if allowed is None:
        return NEVER_WITHOUT
    user = safe_text(allowed.user)
    if allowed.key is None:
        return f"as {user}, after its password once"
    return f"as {user}, always" if allowed.is_always else f"as {user}, at the start"


def system_sign_in_told(account: Account) -> str:
    """Return what an administrator made of it, as a sentence."""
    allowed = account.system_sign_in
    if allowed is None:
        return WITH_PASSWORD_ONLY.format(name=account.name)
    words = WITH_PASSWORD_FIRST if allowed.key is None else WITHOUT_PASSWORD
    return words.format(name=account.name, user=safe_text(allowed.user))


def refusal_message(right: Right) -> Message:
    """Return why something is not done, as a notice."""
    return Message(
        f"{NOT_ALLOWED_WORDS[right]}.", "Ask an administrator, or sign in with another account."
    )


def turned_off_text(moved: int, left: int) -> str:
    """Return what became of what was encrypted, as a notice."""
    files = "1 file lies" if moved == 1 else f"{moved:,} files lie"
    told = f"Encryption is off: {files} in the profile as they are."
    if left:
        told += f" {left:,} stay encrypted: {STAYS_ENCRYPTED}"
    return told


# Accounts

ACCOUNTS_TITLE = "Accounts"
ACCOUNT_HEADINGS = ("Name", "Full name", "Roles", "Password", "Signs in without it")
ACCOUNTS_NOTE = (
    "An account that you add gets a first password from you, which has to be changed at the first "
    "sign-in. Nothing is encrypted anew when somebody comes or goes."
)
ADD_ACCOUNT, CHANGE_ROLES, RESET_PASSWORD = "&Add…", "&Roles…", "Reset &password…"
REMOVE_ACCOUNT, NEW_RECOVERY_KEY = "Re&move…", "New recovery &key…"
NO_ACCOUNT_CHOSEN, OWN_ACCOUNT = "Choose an account in the list", "Nobody removes their own account"
HAS_TO_CHANGE, OWN_PASSWORD = "has to be changed", "own"
SYSTEM_USER_BUTTON, SYSTEM_USER_TITLE = "&System user…", "System user of {name}"
SYSTEM_USER_NOTE = (
    "The account can sign in without its password when the program starts, as one user of this "
    "computer's system. A key for that lies in the key store of that user: for who is at work now "
    "it is made at once, for another one when that user signs in with the password."
)
SYSTEM_USER_WARNING = (
    "Whoever sits at this computer while that user is signed in to the system gets in, and so does "
    "every program that runs as that user. Allow it only where each person has a user of the "
    "system, which locks itself. Signing asks for the password all the same, where that is set."
)
MAY_AS_SYSTEM_USER = "Signs in &without password as"
SYSTEM_USER_LABEL = "&User of the system"
ALWAYS_AS_SYSTEM_USER = "&Also unlocks the locked program, and signs in after switching the user"
SET_SYSTEM_USER = "&Set"
SYSTEM_USER_MISSING = "Type the name of a user of the system"
LOOKING_FOR_KEY_STORE = "Looking for the system's key store…"
NEVER_WITHOUT = "no"
ADD_TITLE, ADD_NOW = "Add an account", "&Add"
ROLES_TITLE, SET_ROLES, ROLES_LABEL = "Roles of {name}", "&Set", "Roles"
RESET_TITLE, RESET_NOW = "Reset password", "&Set the password"
RESET_NOTE = (
    "{name} has to change this password at the next sign-in, which ends a pause after wrong "
    "passwords too."
)
NO_ROLE_CHOSEN = "Choose at least one role"
REMOVE_TITLE = "Remove an account"
REMOVE_QUESTION = (
    "Remove the account “{name}”?",
    "It cannot sign in any more. Readings that it signed stay, and so does the audit trail.",
)
REMOVE_NOW, KEEP_ACCOUNT = "&Remove", "&Keep it"
RENEW_QUESTION = (
    "Make a new recovery key?",
    "The printed one opens nothing of this archive any more, except back-ups of before.",
)
RENEW_NOW, KEEP_KEY = "&Make a new one", "&Keep the present one"
WORKING = "One moment…"
ADDED, ROLES_CHANGED = "“{name}” is added.", "The roles of “{name}” are changed."
WITHOUT_PASSWORD = "“{name}” can sign in as this system's user “{user}”."
WITH_PASSWORD_FIRST = (
    "“{name}” can sign in as this system's user “{user}”, once it did so there with its password."
)
WITH_PASSWORD_ONLY = "“{name}” signs in with its password only."
WAS_RESET, WAS_REMOVED = "“{name}” has a new password.", "“{name}” is removed."

ROLE_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "viewer": "&Viewer: looks at images",
        "reader": "&Reader: corrects, reads and signs, imports and exports",
        "administrator": "A&dministrator: accounts, audit trail, deletes and backs up",
    }
)

# Audit trail

AUDIT_TITLE = "Audit trail"
AUDIT_HEADINGS = ("No.", "Time (UTC)", "Who", "What", "About", "Details")
AUDIT_PERSON, AUDIT_KIND, AUDIT_FROM, AUDIT_TO = "&Person", "&Event", "&From", "&To"
EVERYBODY, EVERYTHING, NOBODY_KNOWN = "everybody", "all events", "nobody known"
CHECK_TRAIL, EXPORT_TRAIL, BEGIN_TRAIL = "&Check", "E&xport as XML…", "&Begin a new trail…"
CHECKING_TRAIL, READING_TRAIL = "Checking every record…", "Reading the audit trail…"
NOT_DAMAGED = "The trail is not damaged"
BEGIN_QUESTION = (
    "Begin a new audit trail?",
    "The damaged one stays as it is, beside the new one, whose first event says so. Copy archive "
    "and profile first if they may be needed as evidence.",
)
BEGIN_NOW, NOT_YET = "&Begin a new trail", "&Not yet"
BEGUN = "A new audit trail has begun; the damaged one is kept."
XML_FILTER = "XML (*.xml);;All files (*)"
XML_NAME = "audit-trail.xml"


def shown_events_text(shown: int, total: int) -> str:
    """Return how many events are listed."""
    if shown == total:
        return f"{total:,} event{'' if total == 1 else 's'}"
    return f"{shown:,} of {total:,} events"
