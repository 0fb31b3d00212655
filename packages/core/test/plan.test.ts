import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type BuildOptions, openEngine } from '@tsbuild/core'
import { tempDir, tests } from '@tsbuild/testkit'
import * as assert from 'uvu/assert'
import { skip } from './images-support.js'
import { Dice, dockerfileOf, firstProject, mutate, type Project, writeProject } from './mutations.js'

const mutationCount = 1000

function optionsOf(context: string, project: Project): BuildOptions {
  const { args, noCache, target } = project
  return {
    context,
    dockerfileText: dockerfileOf(project),
    buildArgs: args,
    noCache,
    outputs: [],
    ...(target === undefined ? {} : { target }),
  }
}

tests('plan()', (test) => {
  test(
    `plan() agrees with the build on ${mutationCount} mutations`,
    async () => {
      await using dir = await tempDir()
      const context = join(dir.path, 'context')
      await mkdir(context)
      await using engine = await openEngine({ root: join(dir.path, 'root') })
      const dice = new Dice(20_261_121)
      const history: Project[] = [firstProject]
      let project = firstProject
      await writeProject(context, project)
      await engine.build(optionsOf(context, project))
      const counts = { right: 0, wrong: 0, unknown: 0, causes: 0, sameCause: 0 }
      const wrong: string[] = []
      for (let number = 1; number <= mutationCount; number++) {
        const back = dice.below(8) === 0
        const next = back ? { name: 'back', project: dice.of(history) } : mutate(project, dice, number)
        await writeProject(context, next.project, project)
        project = next.project
        if (number % 20 === 0) history.push(project)
        const options = optionsOf(context, project)
        const { steps } = await engine.plan(options)
        const built = await engine.build(options)
        assert.equal(steps.map(({ id }) => id).sort(), built.steps.map(({ id }) => id).sort())
        const waitsForRun = built.steps.some(({ cached }) => !cached)
        for (const { id, name, outcome, why } of steps) {
          const step = built.steps.find((other) => other.id === id)
          if (outcome === 'unknown') {
            assert.ok(waitsForRun, `${name} is unknown, but every step was cached`)
            counts.unknown++
          } else if (step?.cached === (outcome === 'hit')) {
            counts.right++
            if (outcome === 'miss') {
              counts.causes++
              if (why === step.why) counts.sameCause++
            }
          } else {
            counts.wrong++
            wrong.push(`${number} ${next.name}: ${name} ${outcome} (${why}), but ${step?.why ?? 'cached'}`)
          }
        }
      }
      const { right, unknown } = counts
      const told = right + counts.wrong
      console.log(
        `${mutationCount} mutations, ${told + unknown} steps: ${((100 * right) / told).toFixed(2)} % agree, ` +
          `${((100 * unknown) / (told + unknown)).toFixed(1)} % unknown, ` +
          `${((100 * counts.sameCause) / counts.causes).toFixed(1)} % of ${counts.causes} causes alike`,
      )
      assert.ok(right / told >= 0.99, wrong.slice(0, 10).join('\n'))
      assert.ok(unknown / (told + unknown) < 0.15, `${unknown} of ${told + unknown} steps were unknown`)
    },
    { skip, timeoutMs: 900_000 },
  )
})
