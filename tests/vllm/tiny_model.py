"""A model of random weights that vLLM loads in a moment, without asking anybody for anything."""

from __future__ import annotations

from pathlib import Path


def make(folder: Path, vocabulary: int, longest: int) -> None:
    """Write a Llama of two layers and a tokenizer of bytes.

    The tokens beyond the bytes are words ``w259``, ``w260`` ….
    """
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    special = {"unk_token": "<unk>", "bos_token": "<s>", "eos_token": "</s>"}
    tokens = [*special.values(), *sorted(pre_tokenizers.ByteLevel.alphabet())]
    tokens += [f"\u0120w{number}" for number in range(len(tokens), vocabulary)]
    numbers = {token: number for number, token in enumerate(tokens)}
    bytes_first = Tokenizer(models.BPE(vocab=numbers, merges=[], unk_token="<unk>"))
    bytes_first.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bytes_first.decoder = decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=bytes_first, model_max_length=longest, **special
    )
    tokenizer.chat_template = (
        "{% for message in messages %}{{ message.role }}: {{ message.content }}\n{% endfor %}"
        "{% if add_generation_prompt %}assistant: {% endif %}"
    )
    tokenizer.save_pretrained(folder)

    shape = LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=longest,
        bos_token_id=1,
        eos_token_id=2,
    )
    LlamaForCausalLM(shape).save_pretrained(folder)
