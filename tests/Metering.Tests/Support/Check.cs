namespace Metering.Tests.Support;

/// <summary>A check of the simulation: what fails is reported with the seed by whoever runs it.</summary>
internal static class Check
{
    public static void That(bool holds, string otherwise)
    {
        if (!holds) throw new CheckFailedException(otherwise);
    }
}
