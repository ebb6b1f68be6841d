"""The course's models, one file each; builders return a plain ``keras.Model``."""

from course_utils.models.attention import (
    Positions,
    ScaledEmbedding,
    TransformerBlock,
    sinusoids,
)
from course_utils.models.cnn import build_cnn
from course_utils.models.dcgan import build_discriminator, build_generator, generate, sample
from course_utils.models.gan import GAN
from course_utils.models.judge import build_judge
from course_utils.models.rnn import build_lstm_classifier, build_row_lstm
from course_utils.models.textcnn import build_textcnn
from course_utils.models.transformer import build_text_transformer
from course_utils.models.vit import ClassToken, Patches, build_vit
