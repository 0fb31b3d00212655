import { InputGoneError } from './errors.js'
import type { MaybePromise } from './maybe-promise.js'
import type { Result, Solved } from './op.js'
import type { StepReport } from './solution.js'
import { type Step, solvedOf } from './step.js'

/** What a solve does with its steps. */
export interface RedoServices<R extends Result> {
  /** Aborted when the solve is over; its reason says why. */
  readonly signal: AbortSignal
  inputsOf(step: Step<R>): readonly Step<R>[]
  solve(step: Step<R>, inputs: readonly Solved<R>[]): MaybePromise<StepReport<R>>
  /** Tells that a step has failed, and ends the solve. */
  fail(step: Step<R>, error: unknown): void
}

/** Solves steps once more whose inputs were promised by a cache and can't be had. */
export class Redo<R extends Result> {
  readonly #services: RedoServices<R>

  constructor(services: RedoServices<R>) {
    this.#services = services
  }

  /** Solves a step after all that it stands on has been solved once more.
   * @param seen the steps that this pass has begun */
  async again(
    step: Step<R>,
    inputs: readonly Step<R>[],
    seen = new Map<Step<R>, Promise<void>>(),
  ): Promise<StepReport<R>> {
    const { signal, solve } = this.#services
    for (let passed = seen; ; passed = new Map()) {
      await Promise.all(inputs.map((input) => this.#once(input, passed)))
      signal.throwIfAborted()
      try {
        return await solve(step, solvedOf(inputs))
      } catch (error) {
        // Each time something else was found to be gone, so this ends.
        if (!(error instanceof InputGoneError)) throw error
      }
    }
  }

  #once(step: Step<R>, passed: Map<Step<R>, Promise<void>>): Promise<void> {
    const redone = passed.get(step) ?? this.#redo(step, passed)
    passed.set(step, redone)
    return redone
  }

  async #redo(step: Step<R>, passed: Map<Step<R>, Promise<void>>): Promise<void> {
    const { signal, inputsOf, fail } = this.#services
    const { report, reporter, parts } = step
    // What this solve has made is there.
    if (report?.cached === false && parts !== undefined) return
    reporter.again()
    try {
      step.report = await this.again(step, inputsOf(step), passed)
    } catch (error) {
      fail(step, error)
      throw signal.reason
    }
  }
}
