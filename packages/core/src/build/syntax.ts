import { detectSyntax } from '@tsbuild/parser'
import { CoreError } from '../errors.js'
import { LocatedError } from '../frontend/located.js'
import type { DockerfileText } from './read-dockerfile.js'

/** Whatever version 1 of Docker's own frontend is asked for is served by ours, which knows all of it. */
const served =
  /^(?:docker\.io\/)?docker\/dockerfile(?:-upstream)?(?::(?:latest|labs|master|1(?:[.-].*)?|.*-labs))?(?:@sha256:[0-9a-f]{64})?$/

/** Refuses a Dockerfile that asks for a frontend of somebody else (`# syntax=…`): running those images is not what we do.
 * @throws {LocatedError} with `UNSUPPORTED` */
export function checkSyntax({ file, text }: DockerfileText): void {
  const syntax = detectSyntax(text)
  if (syntax === undefined || served.test(syntax.value)) return
  const error = new CoreError(
    'UNSUPPORTED',
    `Cannot use frontend "${syntax.value}": only docker/dockerfile:1 is built in`,
    {
      hint: 'Remove the syntax directive, or set it to docker/dockerfile:1',
    },
  )
  throw new LocatedError({ file, startLine: syntax.line, endLine: syntax.line }, error)
}
