"""Whether what happens to a sampler is written down, and whether that can be relied on."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from librex_models.errors import FileError, LibrexError
from librex_models.thompson.state_file import Entry, Journal, write_state
from solvers.atomic_file import Name

MOST_ENTRIES = 10_000
"""A journal with more of them is begun anew."""


class Record:
    """The journal of a sampler, if it has one."""

    def __init__(self) -> None:
        self._journal: Journal | None = None
        self._path: Name = ""
        self._n_entries = 0
        self._trouble = ""

    def begin(self, path: Name, state: Entry) -> None:
        """Begin a journal.

        Raises
        ------
        FileError
            If there is a file of this name, or it cannot be written.
        """
        if os.path.exists(path):
            raise FileError(
                f"{path}: exists; ThompsonAllocator.load(path, model, journal=True) goes on with it"
            )
        self._journal, self._path = Journal(path, state), path

    def go_on(self, path: Name, n_entries: int, length: int) -> None:
        """Go on with a journal that was read: how many entries it has, and bytes."""
        self._journal, self._n_entries = Journal(path, length=length), n_entries
        self._path = path

    def begin_anew(self, state: Entry) -> None:
        """Replace the journal by one that holds a state alone.

        Raises
        ------
        FileError
            If it cannot be written; the old one stays.
        """
        if self._journal is None:
            return
        write_state(self._path, state)
        try:
            self._journal.open_anew()
        except BaseException as error:
            self._trouble = str(error) or type(error).__name__
            raise
        self._n_entries = 0

    def write_down(self, entry: Entry) -> None:
        """Write an entry, before it is acknowledged.

        Raises
        ------
        FileError
            If it cannot be written.
        """
        if self._journal is None:
            return
        try:
            self._journal.append(entry)
        except BaseException as error:
            self._trouble = str(error) or type(error).__name__
            raise
        self._n_entries += 1

    @contextmanager
    def following(self) -> Iterator[None]:
        """Keep memory and journal together: an interrupt between them is remembered."""
        try:
            yield
        except LibrexError:
            # What is refused by name changes neither.
            raise
        except BaseException as error:
            if self._journal is not None:
                self._trouble = str(error) or type(error).__name__
            raise

    def check(self, state: Callable[[], Entry]) -> None:
        """Raise FileError where the journal is behind; begin it anew where it is long."""
        if self._trouble:
            raise FileError(
                f"the journal is behind what was learned, load it again: {self._trouble}"
            )
        if self._n_entries >= MOST_ENTRIES:
            self.begin_anew(state())

    def close(self) -> None:
        """Let others go on with the journal."""
        if self._journal is not None:
            self._journal.close()
