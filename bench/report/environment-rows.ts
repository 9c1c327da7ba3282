import { gibibytes } from '../../src/cli/terminal/format.js'
import type { Environment } from './report.js'

/** The environment as names and values, for a reader. */
export function environmentRows(environment: Environment): (readonly [name: string, value: string])[] {
  const { cpu, memoryBytes, os, node, redis, git, seed, options } = environment
  const config = Object.entries(redis.config).map(([name, value]) => `${name} ${value === '' ? '""' : value}`)
  return [
    ['CPU', `${cpu.count} × ${cpu.model}`],
    ['Memory', gibibytes(memoryBytes)],
    ['OS', os],
    ['Node', node],
    ['Redis', `${redis.version}, ${redis.url === null ? 'started by the suite' : `at ${redis.url}`}`],
    ['Redis configuration', config.join(', ') || 'not disclosed by the server'],
    [
      'Commit',
      git === null ? 'not known' : `${git.commit}${git.dirty ? ', with changes not committed' : ''}`,
    ],
    ['Seed', String(seed)],
    [
      'Options',
      [options.quick && '--quick', options.realTime && '--real-time'].filter(Boolean).join(' ') || 'none',
    ],
    ['Parts', options.parts.join(', ')],
  ]
}
