"""Tones stand with each planned image, so that a batch may have several."""

from django.db import migrations, models


def move_in(apps, schema_editor):
    """Move the tone that a batch asked of all its images to them."""
    for batch in apps.get_model("generation", "Batch").objects.filter(asked__has_key="tone"):
        tone = float(batch.asked.pop("tone"))
        batch.tones = [tone]
        batch.save(update_fields=["asked", "tones"])
        batch.planned.update(tone=tone)


def move_back(apps, schema_editor):
    """Move the tone of a batch's images back to the batch, where it is one."""
    for batch in apps.get_model("generation", "Batch").objects.exclude(tones=[]):
        if len(batch.tones) == 1:
            batch.asked["tone"] = batch.tones[0]
            batch.save(update_fields=["asked"])


class Migration(migrations.Migration):

    dependencies = [
        ('generation', '0004_submissions'),
    ]

    operations = [
        migrations.AddField(
            model_name='batch',
            name='tones',
            field=models.JSONField(blank=True, default=list, help_text='Typology angles in degrees; the images of each diagnosis are dealt to them', verbose_name='skin tones'),
        ),
        migrations.AlterField(
            model_name='batch',
            name='asked',
            field=models.JSONField(blank=True, default=dict, help_text='Beside the diagnosis and skin tones: prompt, or sex, age, site; lesion', verbose_name='asked for'),
        ),
        migrations.AddField(
            model_name='plannedimage',
            name='tone',
            field=models.FloatField(null=True),
        ),
        migrations.RunPython(move_in, move_back),
    ]
