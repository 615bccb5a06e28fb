#!/bin/sh
# Completes `@COMMAND@` wherever kubectl is completed. kubectl looks for this file on PATH:
#   @COMMAND@ completion kubectl > "${KREW_ROOT:-$HOME/.krew}/bin/@COMPLETER@"
#   chmod +x "${KREW_ROOT:-$HOME/.krew}/bin/@COMPLETER@"
# Any other directory on PATH will do. To remove it, delete the file.
exec @FILE@ __complete "$@"
