import type { Redis } from 'ioredis'

type ScriptCommand = 'evalsha' | 'fcall'
type Send = (command: ScriptCommand, name: string, keys: string[], argument: Buffer) => Promise<unknown[]>

/** The methods of ioredis that return strings as buffers; its types leave them out. */
type ScriptCaller = Record<
  `${ScriptCommand}Buffer`,
  (name: string, keyCount: number, ...rest: (string | Buffer)[]) => Promise<unknown[]>
>

const senders = new WeakMap<Redis, Send>()

/**
 * Sends EVALSHA or FCALL, and returns strings as buffers. ioredis writes each of a dozen arguments
 * into a buffer of its own and joins these, which takes as long as everything else that it does for
 * a command. Here the keys are written once, and copied for each call. The command is still
 * ioredis' own: it is answered, resent and refused like all others.
 */
export function sendScript(
  client: Redis,
  command: ScriptCommand,
  name: string,
  keys: string[],
  argument: Buffer,
): Promise<unknown[]> {
  let send = senders.get(client)
  if (!send) {
    send = senderOf(client)
    senders.set(client, send)
  }
  return send(command, name, keys, argument)
}

function senderOf(client: Redis): Send {
  /** By the list of keys, which is the same for all calls of a port. With the client's prefix. */
  const written = new WeakMap<readonly string[], Buffer>()
  let listed: readonly string[] = []
  // The same client, but it writes the commands in place of ioredis. It makes no pipelines by
  // itself: these would write the commands in their way.
  const view: Redis = Object.create(client, {
    options: { value: { ...client.options, enableAutoPipelining: false } },
    sendCommand: {
      value(command: Parameters<Redis['sendCommand']>[0]) {
        const args = command.args as (string | Buffer)[]
        const keys = written.get(listed) ?? Buffer.concat(args.slice(2, -1).map(toBulk))
        written.set(listed, keys)
        // Whatever stands between here and the connection may still change the arguments.
        command.toWritable = () => write(command.name, args, keys)
        return client.sendCommand(command)
      },
    },
  })
  return (command, name, keys, argument) => {
    listed = keys
    return (view as unknown as ScriptCaller)[`${command}Buffer`](name, keys.length, ...keys, argument)
  }
}

/**
 * The bytes of a command: https://redis.io/docs/latest/develop/reference/protocol-spec/
 *
 * @param args The name of the script, the number of its keys, these, and its argument.
 */
function write(command: string, args: readonly (string | Buffer)[], keys: Buffer): Buffer {
  const [name, count] = args as [string, string]
  const argument = args.at(-1) as Buffer
  const head = `*${args.length + 1}\r\n${ascii(command)}${ascii(name)}${ascii(count)}`
  const size = `$${argument.length}\r\n`
  const bytes = Buffer.allocUnsafe(head.length + keys.length + size.length + argument.length + 2)
  let at = bytes.write(head, 'latin1')
  at += keys.copy(bytes, at)
  at += bytes.write(size, at, 'latin1')
  at += argument.copy(bytes, at)
  bytes.write('\r\n', at, 'latin1')
  return bytes
}

function ascii(text: string): string {
  return `$${text.length}\r\n${text}\r\n`
}

function toBulk(text: string | Buffer): Buffer {
  const bytes = Buffer.from(text as string)
  return Buffer.concat([Buffer.from(`$${bytes.length}\r\n`), bytes, Buffer.from('\r\n')])
}
