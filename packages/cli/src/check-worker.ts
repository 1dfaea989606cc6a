import { bundledCode } from './bundled-code.ts';
import { codeDirectory } from './sdk/environment.ts';

// Started as a thread by the command of the same name, which keeps what V8 makes of the code of both.
const code = bundledCode('check', codeDirectory());
if (code) code.load('./check-thread.cjs');
else void import('./check-thread.ts');
