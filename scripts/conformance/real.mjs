import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { formatNodes, parseDockerfile, parseNodes } from '../../packages/parser/dist/index.js'
import { sameTree } from './parser.mjs'
import { fails, same } from './report.mjs'

export async function run(folder, area) {
  const { files } = JSON.parse(readFileSync(join(folder, 'index.json'), 'utf8'))
  for (const entry of files) {
    if (!existsSync(join(folder, entry.file))) {
      area.skip(entry.file, 'the file is not there')
      continue
    }
    await area.case(entry.file, () => {
      const text = readFileSync(join(folder, entry.file))
      if (entry.parse !== 'ok') return fails(() => parseNodes(text))
      const tree = parseNodes(text)
      if (entry.ast) sameTree(tree, JSON.parse(readFileSync(join(folder, entry.ast), 'utf8')))
      const result = join(folder, entry.file.replace(/\.Dockerfile$/, '.result'))
      if (existsSync(result)) same(formatNodes(tree.nodes), readFileSync(result, 'utf8'), 'dump')
      parseDockerfile(text)
    })
  }
}
