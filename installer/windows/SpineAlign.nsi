; The installer for Windows: for one user, without an administrator.
;
;   makensis -DVERSION=0.1.0 -DFOLDER=build\frozen\SpineAlign -DICON=spinealign.ico
;            -DSUFFIXES=suffixes.nsh -DOUT=SpineAlign-0.1.0-setup.exe
;            installer\windows\SpineAlign.nsi
;
; SUFFIXES is written from the program's table of formats (installer/file_kinds.py).
; Setup:     /S installs without a question, /ASSOCIATE offers SpineAlign for medical images,
;            /D=C:\folder (last, without quotation marks) installs elsewhere.
; Uninstall: /S removes without a question. Settings, corrections and results always stay.
; Exit codes: 0 done, 1 stopped by the user, 2 not possible (SpineAlign is running).

Unicode true
Target amd64-unicode
!ifdef TRIAL ; quickly, to try the script
    SetCompress off
!else
    SetCompressor /SOLID lzma
    SetCompressorDictSize 64
!endif
ManifestDPIAware true
RequestExecutionLevel user

!include "MUI2.nsh"
!include "FileFunc.nsh"
!include "LogicLib.nsh"
!include "${SUFFIXES}"

!define NAME "SpineAlign"
!define PROGRAM "SpineAlign.exe"
!define COMMAND "spinealign-cli.exe"
!define UNINSTALL "Software\Microsoft\Windows\CurrentVersion\Uninstall\${NAME}"
!define KIND "SpineAlign.Image"
!define USER_DATA "$LOCALAPPDATA\SpineAlign"

Name "${NAME} ${VERSION}"
OutFile "${OUT}"
InstallDir "$LOCALAPPDATA\Programs\${NAME}"
InstallDirRegKey HKCU "${UNINSTALL}" "InstallLocation"
BrandingText "${NAME} ${VERSION} - decision support for research and education"
ShowInstDetails nevershow
VIProductVersion "${VERSION}.0"
VIAddVersionKey "ProductName" "${NAME}"
VIAddVersionKey "ProductVersion" "${VERSION}"
VIAddVersionKey "FileVersion" "${VERSION}"
VIAddVersionKey "FileDescription" "${NAME} setup"
VIAddVersionKey "LegalCopyright" "The SpineAlign authors, GPL-3.0-or-later"

!define MUI_ICON "${ICON}"
!define MUI_UNICON "${ICON}"
!define MUI_WELCOMEPAGE_TEXT "This installs ${NAME} ${VERSION} for you alone; no administrator is needed, and nothing is sent over a network.$\r$\n$\r$\n${NAME} is decision support for research and education. It is not a certified medical device; a qualified professional must confirm every result.$\r$\n$\r$\nAn older ${NAME} is replaced; your settings stay."
!insertmacro MUI_PAGE_WELCOME
!insertmacro MUI_PAGE_LICENSE "${FOLDER}\LICENSE"
!insertmacro MUI_PAGE_COMPONENTS
!insertmacro MUI_PAGE_DIRECTORY
!insertmacro MUI_PAGE_INSTFILES
!define MUI_FINISHPAGE_RUN "$INSTDIR\${PROGRAM}"
!insertmacro MUI_PAGE_FINISH
!define MUI_UNCONFIRMPAGE_TEXT_TOP "${NAME} will be removed. Your settings and corrections in ${USER_DATA}, corrections beside images (*.spinealign.json) and saved results stay."
!insertmacro MUI_UNPAGE_CONFIRM
!insertmacro MUI_UNPAGE_INSTFILES
!insertmacro MUI_LANGUAGE "English"

; Leaves with exit code 2 while the program runs: its files could not be replaced.
!macro StopWhileRunning
    ClearErrors
    ${If} ${FileExists} "$INSTDIR\${PROGRAM}"
        FileOpen $0 "$INSTDIR\${PROGRAM}" a
        ${If} ${Errors}
            MessageBox MB_OK|MB_ICONEXCLAMATION "${NAME} is running. Close it and try again." /SD IDOK
            SetErrorLevel 2
            Quit
        ${EndIf}
        FileClose $0
    ${EndIf}
!macroend

; Deletes what setup wrote, and the folder only if nothing of somebody else's is left in it.
!macro DeleteProgram
    Delete "$INSTDIR\${PROGRAM}"
    Delete "$INSTDIR\${COMMAND}"
    Delete "$INSTDIR\LICENSE"
    Delete "$INSTDIR\THIRD-PARTY-LICENCES.txt"
    Delete "$INSTDIR\sbom.cdx.json"
    RMDir /r "$INSTDIR\_internal"
!macroend

!macro OfferFor EXTENSION
    WriteRegNone HKCU "Software\Classes\${EXTENSION}\OpenWithProgids" "${KIND}"
!macroend

!macro WithdrawFrom EXTENSION
    DeleteRegValue HKCU "Software\Classes\${EXTENSION}\OpenWithProgids" "${KIND}"
!macroend

Section "${NAME} (required)" SecProgram
    SectionIn RO
    !insertmacro StopWhileRunning
    !insertmacro DeleteProgram
    SetOutPath "$INSTDIR"
    File /r "${FOLDER}\*"
    WriteUninstaller "$INSTDIR\uninstall.exe"
    CreateShortCut "$SMPROGRAMS\${NAME}.lnk" "$INSTDIR\${PROGRAM}"
    WriteRegStr HKCU "${UNINSTALL}" "DisplayName" "${NAME}"
    WriteRegStr HKCU "${UNINSTALL}" "DisplayVersion" "${VERSION}"
    WriteRegStr HKCU "${UNINSTALL}" "DisplayIcon" "$INSTDIR\${PROGRAM}"
    WriteRegStr HKCU "${UNINSTALL}" "Publisher" "SpineAlign authors"
    WriteRegStr HKCU "${UNINSTALL}" "InstallLocation" "$INSTDIR"
    WriteRegStr HKCU "${UNINSTALL}" "UninstallString" '"$INSTDIR\uninstall.exe"'
    WriteRegStr HKCU "${UNINSTALL}" "QuietUninstallString" '"$INSTDIR\uninstall.exe" /S'
    WriteRegDWORD HKCU "${UNINSTALL}" "NoModify" 1
    WriteRegDWORD HKCU "${UNINSTALL}" "NoRepair" 1
    ${GetSize} "$INSTDIR" "/S=0K" $0 $1 $2
    IntFmt $0 "0x%08X" $0
    WriteRegDWORD HKCU "${UNINSTALL}" "EstimatedSize" "$0"
SectionEnd

Section /o "Offer SpineAlign for ${OFFERED} files" SecOffer
    WriteRegStr HKCU "Software\Classes\${KIND}" "" "Medical image"
    WriteRegStr HKCU "Software\Classes\${KIND}\DefaultIcon" "" "$INSTDIR\${PROGRAM},0"
    WriteRegStr HKCU "Software\Classes\${KIND}\shell\open\command" "" '"$INSTDIR\${PROGRAM}" "%1"'
    !insertmacro ForEachSuffix OfferFor
    System::Call 'shell32::SHChangeNotify(i 0x08000000, i 0, p 0, p 0)'
SectionEnd

Section /o "Shortcut on the desktop" SecShortcut
    CreateShortCut "$DESKTOP\${NAME}.lnk" "$INSTDIR\${PROGRAM}"
SectionEnd

!insertmacro MUI_FUNCTION_DESCRIPTION_BEGIN
    !insertmacro MUI_DESCRIPTION_TEXT ${SecProgram} "The program, its models and samples."
    !insertmacro MUI_DESCRIPTION_TEXT ${SecOffer} "Adds ${NAME} to the list under Open with; what opens these files now stays the first choice."
    !insertmacro MUI_DESCRIPTION_TEXT ${SecShortcut} "Puts ${NAME} on the desktop."
!insertmacro MUI_FUNCTION_DESCRIPTION_END

Function .onInit
    ${GetParameters} $0
    ClearErrors
    ${GetOptions} $0 "/ASSOCIATE" $1
    ${IfNot} ${Errors}
        !insertmacro SelectSection ${SecOffer}
    ${EndIf}
FunctionEnd

Section "Uninstall"
    !insertmacro StopWhileRunning
    !insertmacro DeleteProgram
    Delete "$INSTDIR\uninstall.exe"
    RMDir "$INSTDIR"
    Delete "$SMPROGRAMS\${NAME}.lnk"
    Delete "$DESKTOP\${NAME}.lnk"
    !insertmacro ForEachSuffix WithdrawFrom
    DeleteRegKey HKCU "Software\Classes\${KIND}"
    DeleteRegKey HKCU "${UNINSTALL}"
    System::Call 'shell32::SHChangeNotify(i 0x08000000, i 0, p 0, p 0)'
    MessageBox MB_OK|MB_ICONINFORMATION "${NAME} was removed. Your settings and corrections stay in$\r$\n${USER_DATA}$\r$\ntogether with corrections beside images and saved results. Delete them yourself if you no longer want them." /SD IDOK
SectionEnd
