package dev.fluxtune.app.command;

import dev.fluxtune.app.config.Key;
import picocli.AutoComplete;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;

/** The completion script for bash and zsh: picocli's, with what it does not know of our flags. */
final class Completion {
  /** Bash splits {@code --key=value} into three words; here it is two, as {@code --key value}. */
  private static final String WORDS =
      """

      function _pipeline() {
        local i at=0 words=()
        for ((i = 0; i < ${#COMP_WORDS[@]}; i++)); do
          if [[ "${COMP_WORDS[i]}" != "=" ]]; then
            words+=("${COMP_WORDS[i]}")
          elif ((i == COMP_CWORD)); then
            words+=("")
          fi
          ((i != COMP_CWORD)) || at=$((${#words[@]} - 1))
        done
        local COMP_WORDS=("${words[@]}") COMP_CWORD=$at
        _complete_pipeline
      }
      [ -z "$BASH_VERSION" ] || complete -F _pipeline -o default pipeline
      """;

  private static final String CHOICE = "  case ${prev_word} in\n";

  /** What begins with dashes is a flag: the one before it was a bare boolean. */
  private static final String FLAG = "  [[ \"${curr_word}\" != --* ]] || prev_word=\n";

  private Completion() {}

  static String script() {
    CommandSpec root = Specs.root("");
    for (CommandLine subcommand : root.subcommands().values()) {
      CommandSpec spec = subcommand.getCommandSpec();
      Key.all().stream()
          .filter(key -> key.isBoolean() && spec.optionsMap().containsKey("--" + key.name()))
          .forEach(key -> spec.addOption(negated(key)));
    }
    return AutoComplete.bash("pipeline", new CommandLine(root)).replace(CHOICE, FLAG + CHOICE)
        + WORDS;
  }

  private static OptionSpec negated(Key key) {
    return OptionSpec.builder("--no_" + key.name()).type(boolean.class).build();
  }
}
