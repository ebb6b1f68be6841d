"""The course's models, one file each; builders return a plain ``keras.Model``."""

from course_utils.models.alexnet import ALEXNET, build_alexnet
from course_utils.models.attention import (
    Positions,
    ScaledEmbedding,
    TransformerBlock,
    sinusoids,
)
from course_utils.models.cnn import build_cnn
from course_utils.models.dcgan import build_discriminator, build_generator, generate, sample
from course_utils.models.densenet import DENSENET121, build_densenet
from course_utils.models.gan import GAN
from course_utils.models.googlenet import GOOGLENET, Inception, build_googlenet
from course_utils.models.judge import build_judge
from course_utils.models.mobilenet import build_mobilenet
from course_utils.models.resnet import RESNET50, build_resnet
from course_utils.models.rnn import build_lstm_classifier, build_row_lstm
from course_utils.models.textcnn import build_textcnn
from course_utils.models.transformer import build_text_transformer
from course_utils.models.vgg import VGG16, build_vgg
from course_utils.models.vit import ClassToken, Patches, build_vit
from course_utils.models.xception import XCEPTION, build_xception
