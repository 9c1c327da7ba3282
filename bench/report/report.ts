import type { Figure, PartResult } from '../part.js'

/** Raised with every change that makes older readers misread a report. */
export const VERSION = 1

/** One run of the suite, as it is written to report.json. */
export interface Report {
  readonly version: typeof VERSION
  /** ISO 8601, in UTC. */
  readonly createdAt: string
  /** Whether every invariant of every part held. Speed has no say in it. */
  readonly ok: boolean
  readonly environment: Environment
  readonly targets: readonly TargetResult[]
  readonly parts: readonly PartReport[]
}

export interface PartReport extends PartResult {
  readonly name: string
  readonly question: string
  readonly seconds: number
}

export interface Environment {
  readonly cpu: { readonly model: string; readonly count: number }
  readonly memoryBytes: number
  readonly os: string
  readonly node: string
  readonly redis: RedisEnvironment
  /** `null` where there is no repository, as in an unpacked archive. */
  readonly git: { readonly commit: string; readonly dirty: boolean } | null
  readonly seed: number
  readonly options: {
    readonly quick: boolean
    readonly realTime: boolean
    readonly parts: readonly string[]
  }
}

export interface RedisEnvironment {
  /** Such as `Redis 7.0.15` or `Valkey 8.1.1`. */
  readonly version: string
  /** Where it is, without its password; `null` when the suite started it itself. */
  readonly url: string | null
  /** What the server was told, as far as it says. */
  readonly config: Readonly<Record<string, string>>
}

export interface TargetResult {
  readonly label: string
  readonly bound: 'at least' | 'at most'
  readonly value: number
  readonly unit: string
  /** `null` when its part did not run. */
  readonly measured: number | null
  readonly spread?: readonly [low: number, high: number]
  readonly verdict: 'met' | 'missed' | 'not measured'
}

export function figuresOf(parts: readonly PartResult[]): Map<string, Figure> {
  return new Map(parts.flatMap(({ figures }) => figures.map((figure) => [figure.id, figure] as const)))
}

export interface CheckedInvariant {
  readonly part: string
  readonly rule: string
  readonly holds: boolean
  readonly detail?: string
}

/** Every invariant that was checked, the broken ones first. */
export function invariantsOf(parts: readonly PartReport[]): CheckedInvariant[] {
  const all = parts.flatMap(({ name, invariants }) =>
    invariants.map((checked) => ({ part: name, ...checked })),
  )
  return [...all.filter(({ holds }) => !holds), ...all.filter(({ holds }) => holds)]
}

/** The whole run in one line. */
export function verdictOf(parts: readonly PartReport[]): string {
  const all = invariantsOf(parts)
  const broken = all.filter(({ holds }) => !holds).length
  if (all.length === 0) return 'No invariant was checked'
  if (broken > 0) return `${broken} of ${all.length} invariants ${broken === 1 ? 'does' : 'do'} not hold`
  return all.length === 1 ? 'The one invariant checked holds' : `All ${all.length} invariants hold`
}
