import { BadUsage, type Command } from './command.js'
import { DONE } from './exit-codes.js'
import { HELP } from './options.js'

const shells = { bash, zsh, fish }

/** The command that prints the completion of a shell, and completes itself too. */
export function completion(others: readonly Command[]): Command {
  const self: Command = {
    ...{ name: 'completion', section: 'For your shell', parameters: 'SHELL', options: [] },
    summary: 'prints the completion for bash, zsh or fish',
    details:
      'It completes the commands and options of stockhold where it is installed: npm install --global stockhold.',
    examples: [
      'completion bash > stockhold.bash',
      'completion zsh > "$' + '{fpath[1]}/_stockhold"',
      'completion fish > ~/.config/fish/completions/stockhold.fish',
    ],
    async run(given, { output }) {
      const script = Object.entries(shells).find(([name]) => name === given.word(0))?.[1]
      if (!script) throw new BadUsage(`SHELL must be ${Object.keys(shells).join(', ')}`)
      output.write(`${script([...others, self])}\n`)
      return DONE
    },
  }
  return self
}

const optionsOf = ({ options }: Command) => [...options, HELP]
const namesOf = (command: Command) => optionsOf(command).map(({ name }) => `--${name}`)
const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`

function bash(commands: readonly Command[]): string {
  const names = commands.map(({ name }) => name).join(' ')
  return `_stockhold() {
  local current=\${COMP_WORDS[COMP_CWORD]} command='' word
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case " ${names} " in *" $word "*) command=$word; break;; esac
  done
  case $command in
    '') COMPREPLY=($(compgen -W '${names} --help' -- "$current"));;
${commands.map((command) => `    ${command.name}) COMPREPLY=($(compgen -W '${extraOf(command)}${namesOf(command).join(' ')}' -- "$current"));;`).join('\n')}
  esac
}
complete -o default -F _stockhold stockhold`
}

/** What a command completes beside its options. */
function extraOf({ name }: Command): string {
  return name === 'completion' ? `${Object.keys(shells).join(' ')} ` : ''
}

function zsh(commands: readonly Command[]): string {
  const described = (name: string, text: string) => quoted(`${name}:${text.replaceAll(':', '\\:')}`)
  return `#compdef stockhold
_stockhold() {
  local -a commands
  commands=(${commands.map(({ name, summary }) => `\n    ${described(name, summary)}`).join('')}
  )
  local command='' word
  for word in \${words[2,CURRENT-1]}; do
    if (( \${commands[(I)$word:*]} )); then command=$word; break; fi
  done
  local -a options
  case $command in
    '') _describe command commands; options=(--help);;
${commands
  .map(
    (command) =>
      `    ${command.name}) options=(${optionsOf(command)
        .map(({ name, help }) => described(`--${name}`, help))
        .join(' ')});;`,
  )
  .join('\n')}
  esac
  _describe -o option options
}
_stockhold "$@"`
}

function fish(commands: readonly Command[]): string {
  const names = commands.map(({ name }) => name).join(' ')
  return [
    'complete -c stockhold -f',
    ...commands.map(
      ({ name, summary }) =>
        `complete -c stockhold -n 'not __fish_seen_subcommand_from ${names}' -a ${name} -d ${fishQuoted(summary)}`,
    ),
    ...commands.flatMap((command) =>
      optionsOf(command).map(
        ({ name, value, help }) =>
          `complete -c stockhold -n '__fish_seen_subcommand_from ${command.name}' -l ${name}${value === undefined ? '' : ' -r'} -d ${fishQuoted(help)}`,
      ),
    ),
  ].join('\n')
}

const fishQuoted = (text: string) => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
