import type { Option } from './command.js'

export const HELP: Option = {
  name: 'help',
  short: 'h',
  help: 'this text; with a command, that of the command',
}
export const VERSION: Option = { name: 'version', help: 'the version of this package' }
const JSON_OPTION: Option = { name: 'json', help: 'prints one JSON value, also for an error' }
const YES: Option = { name: 'yes', short: 'y', help: 'answers the question before what cannot be undone' }

/** How a server is found. */
export const CONNECTION: readonly Option[] = [
  {
    name: 'redis',
    value: 'URL',
    many: true,
    help: "redis:// or rediss://, again for further Sentinels or nodes; without it the environment's REDIS_URL",
  },
  { name: 'sentinel', value: 'NAME', help: 'the URLs are of Sentinels, which know the master NAME' },
  { name: 'cluster', help: 'the URLs are of nodes of a Redis Cluster' },
  { name: 'ca', value: 'FILE', help: 'the certificate (PEM) of the authority of a rediss:// server' },
]

const PREFIX: Option = { name: 'prefix', value: 'NAME', help: 'that of your engines (default stockhold)' }

/** Of each command that reads. */
export const READING: readonly Option[] = [...CONNECTION, PREFIX, JSON_OPTION]

export const AS: Option = {
  name: 'as',
  ...{ value: 'NAME', argument: 'by' },
  help: "your name in the operations log (default: your login's)",
}

/** Of each command that changes something. */
export const CHANGING: readonly Option[] = [
  ...READING,
  AS,
  { name: 'reason', value: 'TEXT', help: 'why, for the operations log' },
]

/** Of each command that asks before it does something. */
export const ASKING: readonly Option[] = [...CHANGING, YES]

export const LEDGER: readonly Option[] = [
  {
    name: 'postgres',
    value: 'URL',
    argument: 'ledger',
    help: "the ledger's database; without it the environment's POSTGRES_URL",
  },
  { name: 'schema', value: 'NAME', help: "the ledger's schema (default stockhold)" },
]

export const KEY: Option = {
  name: 'key',
  value: 'KEY',
  help: 'the same key does it once; by default a new one, which is printed',
}

export const LIMIT: Option = { name: 'limit', value: 'N', help: 'the most that are shown (default 100)' }
