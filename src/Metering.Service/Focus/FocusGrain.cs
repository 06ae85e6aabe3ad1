namespace Metering.Service.Focus;

/// <summary>How long the charge periods of usage are.</summary>
internal enum FocusGrain
{
    Hour,
    Day,
}
