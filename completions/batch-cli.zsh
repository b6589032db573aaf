#compdef batch-cli

_batch_cli_completion() {
  eval $(env _TYPER_COMPLETE_ARGS="${words[1,$CURRENT]}" _BATCH_CLI_COMPLETE=complete_zsh batch-cli)
}

compdef _batch_cli_completion batch-cli
