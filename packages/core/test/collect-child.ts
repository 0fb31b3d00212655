// Removes an image of a root folder, as a process of its own: `node collect-child.js ROOT IMAGE`.
import { openEngine } from '@tsbuild/core'

const [root = '', image = ''] = process.argv.slice(2)
await using engine = await openEngine({ root, gc: false })
await engine.images.remove(image)
