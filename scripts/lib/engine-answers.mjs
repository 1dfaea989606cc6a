import { request } from 'node:http';

/** Tells whether an engine answers on a socket; rejects while there is none. */
export function engineAnswers(socketPath) {
  return new Promise((resolve, reject) => {
    request({ socketPath, path: '/_ping', timeout: 5000 }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    })
      .on('error', reject)
      .end();
  });
}
