/** A shell whose completion the originals support. */
export type Shell = "bash" | "zsh" | "fish" | "powershell";

/**
 * The script a shell sources to complete a compatible program. It asks the program itself (`__complete`, see
 * complete.ts), so it never goes out of date.
 */
export function completionScript(shell: Shell, program: string, descriptions: boolean): string {
  return scripts[shell](program, descriptions ? "__complete" : "__completeNoDesc");
}

const scripts: Readonly<Record<Shell, (program: string, request: string) => string>> = {
  bash: (program, request) => `# bash completion V2 for ${program.padEnd(36)} -*- shell-script -*-

_${program}_complete() {
    local answer line
    COMPREPLY=()
    answer="$("\${COMP_WORDS[0]}" ${request} "\${COMP_WORDS[@]:1:COMP_CWORD-1}" "\${COMP_WORDS[COMP_CWORD]}" 2>/dev/null)" || return
    while IFS= read -r line; do
        [[ -z $line || $line == :* ]] || COMPREPLY+=("\${line%%$'\\t'*}")
    done <<<"$answer"
    if [[ \${#COMPREPLY[@]} -eq 0 && $answer == *:0 ]]; then compopt -o default; fi
}

complete -F _${program}_complete ${program}
`,
  zsh: (program, request) => `#compdef ${program}

# zsh completion for ${program.padEnd(36)} -*- shell-script -*-

_${program}() {
    local -a lines found
    local line directive
    lines=("\${(@f)$("\${words[1]}" ${request} "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
    for line in $lines; do
        if [[ $line == :<-> ]]; then
            directive=\${line#:}
        elif [[ $line == *$'\\t'* ]]; then
            found+=("\${\${line%%$'\\t'*}//:/\\\\:}:\${line#*$'\\t'}")
        elif [[ -n $line ]]; then
            found+=("\${line//:/\\\\:}")
        fi
    done
    if (( $#found )); then
        _describe ${program} found
    elif [[ $directive == 0 ]]; then
        _files
    fi
}

if [[ $funcstack[1] == _${program} ]]; then _${program} "$@"; fi
`,
  fish: (program, request) => `# fish completion for ${program.padEnd(36)} -*- shell-script -*-

function __${program}_complete
    set -l words (commandline -opc)
    set -l command $words[1]
    set -e words[1]
    $command ${request} $words (commandline -ct | string collect --allow-empty) 2>/dev/null | string match -v -r '^:\\d+$'
end

complete -c ${program} -e
complete -c ${program} -a '(__${program}_complete)'
`,
  powershell: (program, request) => `# powershell completion for ${program.padEnd(36)} -*- shell-script -*-

Register-ArgumentCompleter -Native -CommandName '${program}' -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
    $words = @($commandAst.CommandElements | Where-Object { $_.Extent.EndOffset -lt $cursorPosition } | ForEach-Object { $_.Extent.Text })
    $arguments = @('${request}') + @($words | Select-Object -Skip 1) + @("$wordToComplete")
    & $words[0] @arguments 2>$null | Where-Object { $_ -notmatch '^:\\d+$' } | ForEach-Object {
        $name, $text = $_ -split "\`t", 2
        if (-not $text) { $text = $name }
        [System.Management.Automation.CompletionResult]::new($name, $name, 'ParameterValue', $text)
    }
}
`,
};
