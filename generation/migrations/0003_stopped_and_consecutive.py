from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('generation', '0002_batch_computing'),
    ]

    operations = [
        migrations.AddField(
            model_name='batch',
            name='consecutive',
            field=models.BooleanField(default=False, editable=False, help_text="The images' seeds are this one and those that follow, not drawn from it"),
        ),
        migrations.AddField(
            model_name='batch',
            name='stopped',
            field=models.BooleanField(default=False, editable=False, help_text='Nothing more is begun until it is gone on with'),
        ),
    ]
