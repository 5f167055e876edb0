import type { CommandSpec } from "./command.ts";
import type { Shell } from "./completionScripts.ts";
import type { LoadAction } from "./run.ts";

/** The commands every program built like the originals has: `help` and `completion`. */
export function standardCommands(program: string): readonly CommandSpec<LoadAction>[] {
  return [
    {
      use: "help [command]",
      short: "Help about any command",
      long: `Help provides help for any command in the application.\nSimply type ${program} help [path to command] for full details.`,
      run: async () => (await import("./help.ts")).help,
    },
    {
      use: "completion",
      short: "Generate the autocompletion script for the specified shell",
      long: `Generate the autocompletion script for ${program} for the specified shell.\nSee each sub-command's help for details on how to use the generated script.`,
      commands: [
        completion("bash", "the bash shell", bashInstructions(program)),
        completion("zsh", "the zsh shell", zshInstructions(program)),
        completion("fish", "the fish shell", fishInstructions(program)),
        completion("powershell", "powershell", powershellInstructions(program)),
      ],
    },
  ];
}

function completion(shell: Shell, called: string, instructions: string): CommandSpec<LoadAction> {
  return {
    use: shell,
    short: `Generate the autocompletion script for ${shell}`,
    long: `Generate the autocompletion script for ${called}.\n\n${instructions}`,
    flags: [{ name: "no-descriptions", type: "bool", usage: "disable completion descriptions" }],
    takesArguments: false,
    ...(shell === "bash" && { flagsInUsageLine: false as const }),
    run: async () => {
      const { completionScript } = await import("./completionScripts.ts");
      return ({ ui, flags, program }) => {
        ui.print(completionScript(shell, program.use, !flags.bool("no-descriptions")));
      };
    },
  };
}

const startNewShell = "You will need to start a new shell for this setup to take effect.";

function bashInstructions(program: string): string {
  return `This script depends on the 'bash-completion' package.
If it is not installed already, you can install it via your OS's package manager.

To load completions in your current shell session:

	source <(${program} completion bash)

To load completions for every new session, execute once:

#### Linux:

	${program} completion bash > /etc/bash_completion.d/${program}

#### macOS:

	${program} completion bash > $(brew --prefix)/etc/bash_completion.d/${program}

${startNewShell}`;
}

function zshInstructions(program: string): string {
  return `If shell completion is not already enabled in your environment you will need
to enable it.  You can execute the following once:

	echo "autoload -U compinit; compinit" >> ~/.zshrc

To load completions in your current shell session:

	source <(${program} completion zsh); compdef _${program} ${program}

To load completions for every new session, execute once:

#### Linux:

	${program} completion zsh > "\${fpath[1]}/_${program}"

#### macOS:

	${program} completion zsh > $(brew --prefix)/share/zsh/site-functions/_${program}

${startNewShell}`;
}

function fishInstructions(program: string): string {
  return `To load completions in your current shell session:

	${program} completion fish | source

To load completions for every new session, execute once:

	${program} completion fish > ~/.config/fish/completions/${program}.fish

${startNewShell}`;
}

function powershellInstructions(program: string): string {
  return `To load completions in your current shell session:

	${program} completion powershell | Out-String | Invoke-Expression

To load completions for every new session, add the output of the above command
to your powershell profile.`;
}
