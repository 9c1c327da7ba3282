import { gibibytes } from '../../src/cli/terminal/format.js'
import type { Figure } from '../part.js'
import { type Environment, figuresOf, type Report } from './report.js'

export type Verdict = 'better' | 'worse' | 'within the noise' | 'only in A' | 'only in B' | 'not comparable'

export interface Comparison {
  readonly id: string
  readonly label: string
  readonly a?: Figure
  readonly b?: Figure
  /** In percent of A; `undefined` where there is no such number. */
  readonly change?: number
  readonly verdict: Verdict
}

export interface Difference {
  readonly name: string
  readonly a: string
  readonly b: string
}

/** Without rounds to tell what the noise is, this much counts as noise, in percent. */
const NOISE = 3

/** Figure by figure, in the order of A; what only B has comes last. */
export function compareFigures(a: Report, b: Report): Comparison[] {
  const [inA, inB] = [figuresOf(a.parts), figuresOf(b.parts)]
  return [...new Set([...inA.keys(), ...inB.keys()])].map((id) => compareFigure(id, inA.get(id), inB.get(id)))
}

function compareFigure(id: string, a: Figure | undefined, b: Figure | undefined): Comparison {
  if (a === undefined || b === undefined) {
    const found = (a ?? b)!
    return {
      id,
      label: found.label,
      ...(a ? { a, verdict: 'only in A' } : { b: found, verdict: 'only in B' }),
    }
  }
  const both = { id, label: b.label, a, b }
  if (a.unit !== b.unit || a.better !== b.better) return { ...both, verdict: 'not comparable' }
  const change =
    a.value === b.value ? 0 : a.value === 0 ? undefined : ((b.value - a.value) / Math.abs(a.value)) * 100
  const verdict = isNoise(a, b, change)
    ? 'within the noise'
    : b.value > a.value === (b.better === 'higher')
      ? 'better'
      : 'worse'
  return { ...both, ...(change !== undefined && { change }), verdict }
}

function isNoise(a: Figure, b: Figure, change: number | undefined): boolean {
  if (a.value === b.value) return true
  // A single round has a spread of no width: it says nothing about the noise.
  const measured = [a, b].some(({ spread }) => spread !== undefined && spread[0] < spread[1])
  if (!measured) return change !== undefined && Math.abs(change) < NOISE
  const [lowA, highA] = a.spread ?? [a.value, a.value]
  const [lowB, highB] = b.spread ?? [b.value, b.value]
  return lowA <= highB && lowB <= highA
}

/**
 * What was not the same in both runs and may be why the figures are not; the commit is expected to
 * differ.
 */
export function compareEnvironments(a: Environment, b: Environment): Difference[] {
  const [inA, inB] = [aspects(a), aspects(b)]
  return [...new Set([...inA.keys(), ...inB.keys()])]
    .map((name) => ({ name, a: inA.get(name) ?? 'not known', b: inB.get(name) ?? 'not known' }))
    .filter((aspect) => aspect.a !== aspect.b)
}

function aspects({ cpu, memoryBytes, os, node, redis, seed, options }: Environment): Map<string, string> {
  return new Map([
    ['CPU', `${cpu.count} × ${cpu.model}`],
    ['memory', gibibytes(memoryBytes)],
    ['OS', os],
    ['Node', node],
    ['Redis', redis.version],
    ['Redis at', redis.url ?? 'started by the suite'],
    ...Object.entries(redis.config).map(([name, value]) => [`Redis ${name}`, value] as const),
    ['seed', String(seed)],
    ['--quick', options.quick ? 'yes' : 'no'],
    ['--real-time', options.realTime ? 'yes' : 'no'],
  ])
}
