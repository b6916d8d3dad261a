"""SQL that more than one service needs: functions that return ``Select`` for the caller to execute."""
