import type { CourseTold, CourseView } from '../view.js'
import { Chart, type ChartLine, valueText } from './chart.js'
import { h, morph } from './dom.js'
import { time } from './format.js'
import { table } from './parts.js'

/** The server reads a course once in this time. ms */
const EVERY_MS = 10_000

interface ChartKind {
  readonly title: string
  readonly lines: readonly ChartLine[]
}

const CHARTS: Readonly<Record<string, readonly ChartKind[]>> = {
  sale: [
    {
      title: 'Units over time',
      lines: [
        { name: 'available', label: 'available' },
        { name: 'held', label: 'held' },
        { name: 'confirmed', label: 'confirmed' },
      ],
    },
  ],
  room: [
    { title: 'Queue over time', lines: [{ name: 'waiting', label: 'waiting' }] },
    {
      title: 'Admissions a second',
      lines: [
        { name: 'admittedPerSecond', label: 'achieved' },
        { name: 'ratePerSecond', label: 'asked' },
      ],
    },
  ],
}

/** Where the course of a sale or waiting room is drawn. */
export function coursePlace(target: string): HTMLElement {
  return h('div', { class: 'course', 'data-key': 'course', 'data-own': target })
}

const courses = new Map<HTMLElement, Course>()

/** Draws new places, asks for new points of those in view, and leaves those that are gone. */
export function tendCourses(root: Element): void {
  for (const [place, course] of courses)
    if (!place.isConnected) {
      course.close()
      courses.delete(place)
    }
  for (const place of root.querySelectorAll<HTMLElement>('.course')) {
    const course = courses.get(place) ?? new Course(place)
    courses.set(place, course)
    course.tend()
  }
}

matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
  for (const course of courses.values()) course.draw()
})

/** The charts of a sale or waiting room, the same as a table, and what is to be said of them. */
class Course {
  readonly #place: HTMLElement
  readonly #target: string
  readonly #query: string
  readonly #kind: string
  readonly #charts: readonly Chart[]
  readonly #lines: readonly ChartLine[]
  readonly #note = h('p', { class: 'quiet' }, 'The course is being read…')
  readonly #details = h('details', { hidden: true }, h('summary', {}, 'The points as a table'), h('div'))
  #course: CourseView | undefined
  #askedAt = Number.NEGATIVE_INFINITY
  #isAsking = false

  constructor(place: HTMLElement) {
    this.#place = place
    this.#target = place.dataset.own!
    const colon = this.#target.indexOf(':')
    const kind = this.#target.slice(0, colon)
    this.#query = String(new URLSearchParams({ [kind]: this.#target.slice(colon + 1) }))
    this.#kind = kind === 'sale' ? 'sale' : 'waiting room'
    const kinds = CHARTS[kind]!
    this.#charts = kinds.map(({ title, lines }) => new Chart(title, this.#target, lines))
    this.#lines = kinds.flatMap(({ lines }) => lines)
    this.#details.addEventListener('toggle', () => this.#fillTable())
    place.replaceChildren(
      h(
        'div',
        { class: 'charts' },
        this.#charts.map(({ figure }) => figure),
      ),
      this.#note,
      this.#details,
    )
  }

  tend(): void {
    const isDue = performance.now() - this.#askedAt >= EVERY_MS
    if (isDue && !this.#isAsking && !document.hidden && isInView(this.#place)) this.#ask()
  }

  draw(): void {
    if (this.#course) for (const chart of this.#charts) chart.draw(this.#course)
  }

  close(): void {
    for (const chart of this.#charts) chart.close()
  }

  async #ask(): Promise<void> {
    this.#isAsking = true
    this.#askedAt = performance.now()
    try {
      const response = await fetch(`course?${this.#query}`)
      if (!response.ok) throw new Error(`status ${response.status}`)
      this.#show(await response.json())
    } catch (error) {
      this.#say(`▲ The course was not read: ${(error as Error).message}.`)
    } finally {
      this.#isAsking = false
    }
  }

  #show({ problem, course }: CourseTold): void {
    // The place may have gone while the course was on its way.
    if (!this.#place.isConnected) return
    const hasPoints = course !== null && course.at.length > 0
    if (hasPoints) {
      for (const chart of this.#charts) chart.show(course)
      this.#course = course
      this.#details.hidden = false
      this.#fillTable()
    }
    if (problem) this.#say(`▲ Redis has not answered (${problem.code}): later points are missing.`)
    else if (hasPoints) this.#say('')
    else
      this.#say(`No point yet: the first one comes ten seconds after a process has opened the ${this.#kind}.`)
  }

  #say(text: string): void {
    this.#note.hidden = text === ''
    if (this.#note.textContent !== text) this.#note.textContent = text
  }

  /** The latest point first. A table that is not seen is not made. */
  #fillTable(): void {
    if (!this.#details.open || !this.#course) return
    const { at, lines } = this.#course
    const columns = [{ title: 'At' }, ...this.#lines.map(({ label }) => ({ title: label, isNumber: true }))]
    const rows = at.map((moment, index) => ({
      key: String(moment),
      cells: [time(moment), ...this.#lines.map(({ name }) => valueText(lines[name]?.[index]))],
    }))
    const caption = `The course of ${this.#target}`
    morph(this.#details.lastElementChild!, h('div', {}, table(caption, columns, rows.reverse())))
  }
}

function isInView(element: Element): boolean {
  const { top, bottom } = element.getBoundingClientRect()
  return bottom >= 0 && top <= innerHeight
}
