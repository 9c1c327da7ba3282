import { version } from '../../package.json'
import type { Surroundings } from './command.js'
import { commands } from './commands.js'
import { DONE, tell } from './exit-codes.js'
import { helpOf, helpOfCommand } from './help.js'
import { parse } from './parse.js'
import { Screen } from './screen.js'
import { safe, safeJson } from './terminal/safe.js'

export type { Surroundings } from './command.js'

/** Runs the program. @returns The exit code. */
export async function run(args: readonly string[], surroundings: Surroundings): Promise<number> {
  const { output, errors, env } = surroundings
  let target: string | undefined
  try {
    const parsed = parse(args, commands)
    if ('command' in parsed) target = parsed.given.words[0]
    if ('command' in parsed) return await parsed.command.run(parsed.given, surroundings)
    if ('version' in parsed) {
      output.write(`${version}\n`)
      return DONE
    }
    const columns = new Screen(output, env).width
    const text = parsed.help ? helpOfCommand(parsed.help, columns) : helpOf(commands, columns)
    output.write(`${text}\n`)
    return DONE
  } catch (error) {
    const first = args.find((word) => !word.startsWith('-'))
    const command = commands.find(({ name }) => name === first)
    const told = tell(error, command, target)
    if (!told) throw error
    if (args.includes('--json')) output.write(`${safeJson({ error: told })}\n`)
    else errors.write(`${safeLines([told.message, told.advice].filter(Boolean).join('\n'))}\n`)
    return told.exitCode
  }
}

function safeLines(text: string): string {
  return text.split('\n').map(safe).join('\n')
}
