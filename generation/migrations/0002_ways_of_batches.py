from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('generation', '0001_initial'),
    ]

    operations = [
        migrations.AddField(
            model_name='batch',
            name='compiled',
            field=models.BooleanField(default=False, editable=False),
        ),
        migrations.AddField(
            model_name='batch',
            name='compute_batch',
            field=models.PositiveIntegerField(editable=False, help_text='Images painted at once, which decides pixels, too', null=True),
        ),
        migrations.AddField(
            model_name='batch',
            name='consecutive',
            field=models.BooleanField(default=False, editable=False, help_text="The images' seeds are this one and those that follow, not drawn from it"),
        ),
        migrations.AddField(
            model_name='batch',
            name='made_with',
            field=models.JSONField(default=dict, editable=False, help_text='Of the generator, its weights among them'),
        ),
        migrations.AddField(
            model_name='batch',
            name='stopped',
            field=models.BooleanField(default=False, editable=False, help_text='Nothing more is begun until it is gone on with'),
        ),
    ]
