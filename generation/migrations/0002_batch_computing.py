from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [('generation', '0001_initial')]

    operations = [
        migrations.AddField(
            model_name='batch',
            name='compute_batch',
            field=models.PositiveIntegerField(editable=False, help_text='Images painted at once, which decides pixels, too', null=True),
        ),
        migrations.AddField(
            model_name='batch',
            name='compiled',
            field=models.BooleanField(default=False, editable=False),
        ),
    ]
