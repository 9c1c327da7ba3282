/** The most outcomes of a command that are counted apart: the library has fewer. */
export const MAX_OUTCOMES = 32

const tuning = {
  /** The sales that are counted apart: when there are twice as many, the busiest ones stay. */
  sales: 1_000,
}

/** How many calls had each outcome. */
export type Outcomes = Map<string, number>

export function addOutcome(outcomes: Outcomes, outcome: string): void {
  const known = outcomes.get(outcome)
  if (known !== undefined || outcomes.size < MAX_OUTCOMES) outcomes.set(outcome, (known ?? 0) + 1)
}

interface SaleAnswers {
  readonly outcomes: Outcomes
  total: number
}

/** What the buyers of each sale were answered: the outcomes of `reserve`. */
export class AnswerCounts {
  #sales = new Map<string, SaleAnswers>()

  add(sale: string, outcome: string): void {
    const answers = this.#sales.get(sale) ?? this.#begin(sale)
    answers.total++
    addOutcome(answers.outcomes, outcome)
  }

  /** At most `most` sales, the busiest first. */
  busiest(most: number): [sale: string, outcomes: Record<string, number>][] {
    return this.#sorted(most).map(([sale, { outcomes }]) => [sale, Object.fromEntries(outcomes)])
  }

  #begin(sale: string): SaleAnswers {
    if (this.#sales.size >= 2 * tuning.sales) this.#sales = new Map(this.#sorted(tuning.sales))
    const answers = { outcomes: new Map(), total: 0 }
    this.#sales.set(sale, answers)
    return answers
  }

  #sorted(most: number): [string, SaleAnswers][] {
    return [...this.#sales].sort(([, a], [, b]) => b.total - a.total).slice(0, most)
  }
}
