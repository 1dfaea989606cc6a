import { sharedJson } from '../../support/shared.ts';

/** One instruction as the vectors of BuildKit's parser have it. */
export interface VectorInstruction {
  readonly keyword: string;
  readonly args: readonly string[];
  readonly startLine: number;
  readonly endLine: number;
  readonly original: string;
  readonly flags?: readonly string[];
  readonly json?: boolean;
  readonly heredocs?: readonly unknown[];
  readonly onbuild?: VectorInstruction;
  readonly prevComments?: readonly string[];
  readonly instructionError?: string;
}

export interface ParserCase {
  readonly name: string;
  readonly input: string;
  readonly expectedError?: string;
  readonly expected?: {
    readonly escape: string;
    readonly instructions: readonly VectorInstruction[];
    readonly stages?: readonly { base: string; name: string; platform: string; commands: number }[];
    readonly warnings?: readonly string[];
    readonly syntaxDirective?: string;
    readonly checkDirective?: string;
    readonly instructionsParseError?: string;
  };
  readonly directiveResults?: { readonly syntax: string | null; readonly check: string | null };
}

export function readParserCases<Case = ParserCase>(file: string): readonly Case[] {
  return sharedJson<{ cases: Case[] }>('vectors', 'dockerfile', 'buildkit-parser', `${file}.json`).cases;
}
