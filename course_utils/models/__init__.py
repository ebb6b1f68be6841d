"""The course's models, one file each; builders return a plain ``keras.Model``."""

from course_utils.models.alexnet import ALEXNET, build_alexnet
from course_utils.models.attention import (
    Positions,
    ScaledEmbedding,
    TransformerBlock,
    sinusoids,
)
from course_utils.models.autoencoder import (
    NegativeELBO,
    Sampling,
    build_autoencoder,
    build_decoder,
    build_encoder,
    build_vae,
)
from course_utils.models.c3d import C3D, build_c3d
from course_utils.models.centernet import build_centernet
from course_utils.models.clip import ContrastiveLoss, ScaledSimilarity, build_clip
from course_utils.models.cnn import build_cnn
from course_utils.models.convlstm import ConvLSTMCell, build_convlstm_forecaster, forecast
from course_utils.models.dcgan import build_discriminator, build_generator, generate, sample
from course_utils.models.densenet import DENSENET121, build_densenet
from course_utils.models.diffusion_unet import (
    NoiseFromVelocity,
    TimeEmbedding,
    build_diffusion_unet,
)
from course_utils.models.efficientnet import EFFICIENTNET_LITE0, build_efficientnet_lite0
from course_utils.models.frames import build_difference_classifier, build_frame_classifier
from course_utils.models.gan import GAN
from course_utils.models.googlenet import GOOGLENET, Inception, build_googlenet
from course_utils.models.judge import build_judge
from course_utils.models.lora import LoRA, add_lora, merge_lora
from course_utils.models.lrcn import build_lrcn
from course_utils.models.mae import build_mae, mae_classifier, mae_encoder
from course_utils.models.mobilenet import build_mobilenet
from course_utils.models.pixel_predictor import build_pixel_predictor
from course_utils.models.policy import build_policy
from course_utils.models.r2plus1d import R2PLUS1D18, R3D18, build_r2plus1d, middle_channels
from course_utils.models.recurrent import AdditiveAttention, GRUCell
from course_utils.models.resnet import RESNET50, build_resnet
from course_utils.models.rnn import build_lstm_classifier, build_row_lstm
from course_utils.models.seq2seq import build_translator, translate, words_before
from course_utils.models.sound_cnn import (
    SpectrogramMasking,
    build_spectrogram_cnn,
    build_waveform_cnn,
)
from course_utils.models.textcnn import build_textcnn
from course_utils.models.transformer import build_text_transformer
from course_utils.models.two_stream import build_two_stream
from course_utils.models.unet import UNET, build_unet
from course_utils.models.vgg import VGG16, build_vgg
from course_utils.models.vit import ClassToken, Patches, build_vit
from course_utils.models.vivit import build_vivit
from course_utils.models.xception import XCEPTION, build_xception
