import { registryProblem } from '@tsbuild/testkit'
import { blobOf, random } from './support.js'

export const skip = registryProblem()
export const bytes = random(2_500_000)
export const blob = blobOf(bytes)
