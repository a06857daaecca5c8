"""Vocabularies: the one that comes with a model, or one learned from the sentences at hand."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bench.download.hub_name import located
from bench.errors import UserError
from bench.models.text.base import transformers
from bench.models.text.tokenizer import Tokenizer, package

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")  # BERT's
END = "<|endoftext|>"  # GPT-2's
START = "\u2581"  # marks the start of a word while word pieces are learned


class Vocabulary:
    """Makes a model's tokeniser.

    The size matters to every attack that names tokens: it is harder to find the nearest of 30,522 embeddings than the
    nearest of 2,000, and to guess right. A learned vocabulary is learned from the dataset and the sentences that come
    with the package. It belongs to the model, so attackers know it.

    Args:
        root: a folder with a `tokenizer.json`, or the name of a model on the Hugging Face hub; null learns one.
        kind: kind of a learned vocabulary: `wordpiece` (like BERT's: lower case, `[CLS] ... [SEP]`, with a mask token)
            or `bytes` (like GPT-2's byte pairs, without tokens at start or end).
        size: the most pieces of a learned vocabulary, >= 300; there are fewer if the sentences do not have so many.

    Raises:
        ValueError: an argument is out of its range.
    """

    def __init__(self, root: str | None, kind: str, size: int) -> None:
        if kind not in ("wordpiece", "bytes"):
            raise ValueError(f"kind={kind!r}: want wordpiece or bytes")
        if size < 300:
            raise ValueError(f"size={size}: must be >= 300 (256 bytes or the alphabet, and pieces)")
        self.root, self.kind, self.size = root, kind, size

    def make(self, corpus: Sequence[str]) -> Tokenizer:
        """Makes the tokeniser; it is the same for the same sentences in the same order.

        Raises:
            UserError: a package is missing, or `root` holds no tokeniser that can be read.
        """
        if self.root is not None:
            return read(self.root, "model.vocabulary.root")
        return (_word_pieces if self.kind == "wordpiece" else _byte_pairs)(corpus, self.size)


def read(root: str, key: str) -> Tokenizer:
    """Reads the tokeniser in a folder, or that of a model on the hub.

    Args:
        root: see `Vocabulary`.
        key: the config's key of `root`, for messages.

    Raises:
        UserError: a package is missing, or there is no tokeniser that can be read.
    """
    file = Path(root).expanduser() / "tokenizer.json"
    backends = package()
    try:
        if file.is_file():
            return Tokenizer(backends.Tokenizer.from_file(str(file)))
        place, local = located(root, key)
        return Tokenizer(transformers().AutoTokenizer.from_pretrained(place, use_fast=True, **local).backend_tokenizer)
    except UserError:
        raise
    except Exception as error:  # the packages have no common type for what they cannot read
        reason = " ".join(str(error).split())[:160]
        raise UserError(
            f"{key}={root!r}: no tokeniser can be read there ({reason}); want a folder with a "
            "tokenizer.json, or the name of a model with a fast tokeniser"
        ) from error


def _word_pieces(corpus: Sequence[str], size: int) -> Tokenizer:
    """Learns a WordPiece vocabulary, with BERT's normalisation.

    The trainer of word pieces in the package gives another vocabulary each time; its byte-pair trainer does not. So
    pairs are merged on words that are marked at their start, and the merged pieces become the vocabulary: `_the`
    becomes `the`, `ing` becomes `##ing`. Sentences are then split like BERT's, the longest piece first (Wu et al. 2016,
    arXiv 1609.08144).
    """
    backends = package()
    normalizer, splitter = backends.normalizers.BertNormalizer(), backends.pre_tokenizers.BertPreTokenizer()
    words = [
        [START + word for word, _ in splitter.pre_tokenize_str(normalizer.normalize_str(sentence))]
        for sentence in corpus
    ]
    pairs = backends.Tokenizer(backends.models.BPE())
    pairs.pre_tokenizer = backends.pre_tokenizers.WhitespaceSplit()
    pairs.train_from_iterator(
        (" ".join(sentence) for sentence in words), backends.trainers.BpeTrainer(vocab_size=size, show_progress=False)
    )
    merged = [piece for piece, _ in sorted(pairs.get_vocab().items(), key=lambda item: item[1])]
    letters = sorted({letter for sentence in words for word in sentence for letter in word[1:]})
    alphabet = [form for letter in letters for form in (letter, f"##{letter}")]
    learned = [piece[1:] if piece.startswith(START) else f"##{piece}" for piece in merged if piece != START]
    pieces = list(dict.fromkeys((*SPECIAL, *alphabet, *learned)))[: max(size, len(SPECIAL) + len(alphabet))]
    backend = backends.Tokenizer(
        backends.models.WordPiece({piece: i for i, piece in enumerate(pieces)}, unk_token="[UNK]")
    )
    backend.normalizer, backend.pre_tokenizer = normalizer, splitter
    backend.decoder = backends.decoders.WordPiece()
    backend.add_special_tokens(list(SPECIAL))
    ends = [(piece, pieces.index(piece)) for piece in ("[CLS]", "[SEP]")]
    backend.post_processor = backends.processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=ends)
    return Tokenizer(backend)


def _byte_pairs(corpus: Sequence[str], size: int) -> Tokenizer:
    """Learns a vocabulary of byte pairs, like that of GPT-2 (Radford et al. 2019, section 2.2)."""
    backends = package()
    backend = backends.Tokenizer(backends.models.BPE())
    backend.pre_tokenizer = backends.pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = backends.decoders.ByteLevel()
    alphabet = sorted(backends.pre_tokenizers.ByteLevel.alphabet())
    trainer = backends.trainers.BpeTrainer(
        vocab_size=size, show_progress=False, special_tokens=[END], initial_alphabet=alphabet
    )
    backend.train_from_iterator(corpus, trainer)
    return Tokenizer(backend)
