/**
 * What a hand does to the stream, each with the way back and the way there again. What moved the picture is taken back by
 * the stream's going back to before it; what only holds something, or let go of it, by the opposite.
 * @module
 */

/**
 * @typedef {import('./brush.js').Brush} Brush
 * @typedef {import('./history.js').Deed<Stroke>} Deed
 * @typedef {import('./asked_prompt.js').AskedPrompt} AskedPrompt
 * @typedef {import('./camera_move.js').CameraMove} CameraMove
 * @typedef {import('./tracks.js').Stroke} Stroke
 */

/**
 * Things were pulled along, by hands that were on the picture together. Again they are pulled in the same way and at the same pace, as paths are.
 * @param {Brush} brush
 * @param {Stroke[]} strokes
 * @returns {Deed}
 */
export function dragged(brush, strokes) {
  const [what, are] = strokes.length > 1 ? ['drags', 'are'] : ['drag', 'is'];
  return {
    strokes,
    async undo() {
      await brush.goBack(this.strokes);
      return `Went back to before the ${what}`;
    },
    async redo() {
      this.strokes.forEach((stroke) => brush.playAgain(stroke));
      return `The ${what} ${are} made again`;
    },
  };
}

/** A pin was set. @param {Brush} brush @param {Stroke} stroke @returns {Deed} */
export function pinned(brush, stroke) {
  return {
    strokes: [stroke],
    async undo() {
      brush.letGo([stroke]);
      return 'Took back the pin';
    },
    async redo() {
      await brush.bringBack([stroke]);
      return 'The pin is set again';
    },
  };
}

/** A path was drawn, and waits. @param {Brush} brush @param {Stroke} stroke @returns {Deed} */
export function drawn(brush, stroke) {
  return {
    strokes: [stroke],
    async undo() {
      brush.letGo([stroke]);
      return 'Took back the path';
    },
    async redo() {
      await brush.bringBack([stroke]);
      return 'The path is drawn again';
    },
  };
}

/**
 * Paths began to play.
 * @param {Brush} brush
 * @param {Stroke[]} strokes
 * @param {boolean} drafts whether they were drawn before, and wait again when this is taken back
 * @returns {Deed}
 */
export function played(brush, strokes, drafts) {
  const [what, plays] = strokes.length > 1 ? ['paths', 'play'] : ['path', 'plays'];
  return {
    strokes,
    async undo() {
      await brush.goBack(strokes);
      brush.letGo(strokes);
      if (drafts) strokes.forEach((stroke) => brush.waitAgain(stroke));
      return `Went back to before the ${what}`;
    },
    async redo() {
      strokes.forEach((stroke) => brush.playAgain(stroke));
      return `The ${what} ${plays} again`;
    },
  };
}

/**
 * Pins and paths were taken away: by the eraser, or all of them. Again those go and no others: a drag that is made again may be under way.
 * @param {Brush} brush
 * @param {Stroke[]} strokes
 * @returns {Deed}
 */
export function removed(brush, strokes) {
  return {
    strokes,
    async undo() {
      await brush.bringBack(this.strokes);
      return 'Brought back what was taken away';
    },
    async redo() {
      brush.letGo(this.strokes);
      return 'Taken away again';
    },
  };
}

/**
 * The camera was moved, from rest to rest.
 * @param {Brush} brush
 * @param {CameraMove} move
 * @returns {import('./history.js').Deed<CameraMove>}
 */
export function steered(brush, move) {
  return {
    strokes: [move],
    async undo() {
      await brush.goBack([move]);
      return 'Went back to before the camera moved';
    },
    async redo() {
      await move.again();
      return 'The camera moves again';
    },
  };
}

/**
 * A prompt was given.
 * @param {Brush} brush
 * @param {AskedPrompt} prompt
 * @returns {import('./history.js').Deed<AskedPrompt>}
 */
export function prompted(brush, prompt) {
  return {
    strokes: [prompt],
    async undo() {
      await brush.goBack([prompt]);
      return 'Went back to before the prompt';
    },
    async redo() {
      prompt.again();
      return 'The prompt is given again';
    },
  };
}
