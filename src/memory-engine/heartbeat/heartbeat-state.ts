import type { HeartbeatCommands } from '../../engine/heartbeat.js'
import { answering } from '../answering.js'
import { CourseTable } from './course-table.js'
import { ProcessTable } from './process-table.js'
import { RequestTable } from './request-table.js'

/** What the processes tell each other. */
export class HeartbeatState {
  readonly #processes = new ProcessTable()
  readonly #requests = new RequestTable()
  readonly #courses = new CourseTable()

  readonly run = answering<HeartbeatCommands>({
    beat: (op, step) => {
      const status = this.#processes.beat(op, step)
      return status === 'retry' ? { status } : { status, due: this.#requests.dueFor(op.process, step) }
    },
    leave: (op, step) => this.#processes.leave(op, step),
    processes: () => this.#processes.list(),
    request: (op, step) => this.#requests.request(op, step),
    answer: (op, step) => this.#requests.answer(op, step),
    claim: (op, step) => this.#requests.claim(op, step),
    finish: (op, step) => this.#requests.finish(op, step),
    requests: () => this.#requests.list(),
    offer: (op, step) => this.#courses.offer(op, step),
    append: (op, step) => this.#courses.append(op, step),
    course: (op) => this.#courses.course(op),
  })
}
